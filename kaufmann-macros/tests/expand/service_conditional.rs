struct Accounts;
const _: () = {
    type __State = App;
    #[automatically_derived]
    impl ::kaufmann::__private::Service for Accounts
    where
        for<'__a> __State: ::kaufmann::__private::SharedState,
    {
        type State = App;
        const NAME: &'static str = "Accounts";
        const ABOUT: &'static str = "";
        const VERSION: &'static str = match ::core::option_env!("CARGO_PKG_VERSION") {
            ::core::option::Option::Some(version) => version,
            ::core::option::Option::None => "",
        };
        const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[
            #[cfg(feature = "billing")]
            <charge as ::kaufmann::__private::Handler<__State>>::LISTED.entry("charge"),
            <create as ::kaufmann::__private::Handler<__State>>::LISTED.entry("create"),
        ];
        const LIST: &'static [::kaufmann::__private::Placed] = &[
            #[cfg(feature = "billing")]
            <charge as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(0usize, "charge"),
            <create as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(1usize, "create"),
        ];
        async fn dispatch(
            __handler: u32,
            __cx: &::kaufmann::__private::Context<__State>,
        ) -> ::kaufmann::__private::Outcome {
            const __PLACES: &[u32] = &[#[cfg(feature = "billing")] 0, 1];
            let __handler = match __PLACES.get(__handler as usize) {
                ::core::option::Option::Some(place) => *place,
                ::core::option::Option::None => {
                    ::kaufmann::__private::no_such_handler(__handler)
                }
            };
            match __handler {
                #[cfg(feature = "billing")]
                0 => {
                    <charge as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                        .await
                }
                1 => {
                    <create as ::kaufmann::__private::Handler<__State>>::handle(__cx)
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
    #[cfg(feature = "billing")]
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 0usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 1usize);
};
