pub async fn create(
    event: user::CreateRef<'_>,
    cx: &Context<App>,
) -> Result<user::Created, Failure> {
    store(event, cx).await
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
pub struct create {}
#[automatically_derived]
impl ::kaufmann::__private::HandlerInfo for create {
    const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = ::core::option::Option::Some(
        ::kaufmann::__private::or_poison(
            "user.create",
            <<user::CreateRef<
                'static,
            > as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INFO,
        ),
    );
    const INDEX: usize = <<user::CreateRef<
        'static,
    > as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INDEX;
    const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = <Result<
        user::Created,
        Failure,
    > as ::kaufmann::__private::Returned>::EMITS;
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[
        <user::Audited as ::kaufmann::__private::Event>::INFO,
    ];
}
#[automatically_derived]
#[allow(deprecated)]
impl ::kaufmann::__private::Handler<App> for create {
    async fn handle(
        __cx: &::kaufmann::__private::Context<App>,
    ) -> ::kaufmann::__private::Outcome {
        let __into_outcome = <Result<
            user::Created,
            Failure,
        > as ::kaufmann::__private::Returned>::into_outcome;
        match <user::CreateRef<
            'static,
        > as ::kaufmann::__private::Payload>::decode(__cx.record().body()) {
            ::core::result::Result::Ok(__event) => {
                __into_outcome(
                    ::kaufmann::__private::MaybeBoxed::<
                        {
                            ::kaufmann::__private::future_size(&create)
                                > ::kaufmann::__private::LIMIT
                        },
                    >::build(move || create(__event, __cx))
                        .await,
                )
            }
            ::core::result::Result::Err(__error) => {
                ::kaufmann::__private::undecodable(__error)
            }
        }
    }
}
#[allow(non_upper_case_globals)]
const __KAUFMANN_CHECK_create: () = ::kaufmann::__private::declared(
    "create",
    "user.create",
    <<user::CreateRef<
        'static,
    > as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INFO,
);
