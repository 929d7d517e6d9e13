/// Keeps the account projection current.
pub struct Accounts;
const _: () = {
    type __State = App;
    #[automatically_derived]
    impl ::kaufmann::__private::Service for Accounts
    where
        for<'__a> __State: ::kaufmann::__private::SharedState,
    {
        type State = App;
        const NAME: &'static str = "Accounts";
        const ABOUT: &'static str = "Keeps the account projection current.";
        const VERSION: &'static str = match ::core::option_env!("CARGO_PKG_VERSION") {
            ::core::option::Option::Some(version) => version,
            ::core::option::Option::None => "",
        };
        const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[
            <users::create as ::kaufmann::__private::Handler<__State>>::LISTED
                .entry("users::create"),
            <billing::charge as ::kaufmann::__private::Handler<__State>>::LISTED
                .entry("billing::charge"),
        ];
        const LIST: &'static [::kaufmann::__private::Placed] = &[
            <users::create as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(0usize, "users::create"),
            <billing::charge as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(1usize, "billing::charge"),
        ];
        async fn dispatch(
            __handler: u32,
            __cx: &::kaufmann::__private::Context<__State>,
        ) -> ::kaufmann::__private::Outcome {
            match __handler {
                0 => {
                    <users::create as ::kaufmann::__private::Handler<
                        __State,
                    >>::handle(__cx)
                        .await
                }
                1 => {
                    <billing::charge as ::kaufmann::__private::Handler<
                        __State,
                    >>::handle(__cx)
                        .await
                }
                _ => ::kaufmann::__private::no_such_handler(__handler),
            }
        }
    }
    const __LIST: &[::kaufmann::__private::Placed] = <Accounts as ::kaufmann::__private::Service>::LIST;
    const __EARLIER: [usize; 2usize] = ::kaufmann::__private::earlier::<
        2usize,
        5usize,
    >(__LIST);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 0usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 1usize);
    const __IGNORED: &[(&::kaufmann::__private::EventInfo, usize)] = &[
        (
            <user::Audited as ::kaufmann::__private::Event>::INFO,
            <user::Audited as ::kaufmann::__private::Event>::INDEX,
        ),
    ];
    const _: () = ::kaufmann::__private::not_handled(
        __LIST,
        <user::Audited as ::kaufmann::__private::Event>::INFO,
        <user::Audited as ::kaufmann::__private::Event>::INDEX,
    );
    const _: () = ::kaufmann::__private::exhaustive(&events::ALL, __LIST, __IGNORED);
};
