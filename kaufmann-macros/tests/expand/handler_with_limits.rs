pub async fn create(event: user::CreateRef<'_>) -> Result<(), Failure> {
    store(event).await
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
pub struct create {}
#[automatically_derived]
impl ::kaufmann::__private::HandlerInfo for create {
    const LIMITS: ::kaufmann::__private::Limits = ::kaufmann::__private::Limits {
        timeout: ::core::option::Option::Some(::core::time::Duration::new(90u64, 0u32)),
        retries: ::core::option::Option::Some(0u32),
        backoff: ::core::option::Option::None,
        on_failure: ::core::option::Option::None,
        max_in_flight: ::core::option::Option::Some(5u32),
        batch: ::core::option::Option::None,
        linger: ::core::option::Option::None,
    };
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
        (),
        Failure,
    > as ::kaufmann::__private::Returned>::EMITS;
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
}
#[automatically_derived]
#[allow(deprecated)]
impl<
    __S: ::core::marker::Send + ::core::marker::Sync,
> ::kaufmann::__private::Handler<__S> for create {
    async fn handle(
        __cx: &::kaufmann::__private::Context<__S>,
    ) -> ::kaufmann::__private::Outcome {
        let __into_outcome = <Result<
            (),
            Failure,
        > as ::kaufmann::__private::Returned>::into_outcome;
        match <user::CreateRef<
            'static,
        > as ::kaufmann::__private::Payload>::decode(__cx.record().body()) {
            ::core::result::Result::Ok(__event) => {
                __into_outcome(
                    ::kaufmann::__private::MaybeBoxed::<
                        {
                            ::kaufmann::__private::future_size1(&create)
                                > ::kaufmann::__private::LIMIT
                        },
                    >::build(move || create(__event))
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
