pub async fn create(
    events: Vec<user::Create>,
    cx: &Context<App>,
) -> Result<(), Failure> {
    cx.state.store(events).await
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
pub struct create {}
#[automatically_derived]
impl ::kaufmann::__private::HandlerInfo for create {
    const LIMITS: ::kaufmann::__private::Limits = ::kaufmann::__private::Limits {
        timeout: ::core::option::Option::None,
        retries: ::core::option::Option::None,
        backoff: ::core::option::Option::None,
        on_failure: ::core::option::Option::None,
        max_in_flight: ::core::option::Option::None,
        batch: ::core::option::Option::Some(100u32),
        linger: ::core::option::Option::Some(
            ::core::time::Duration::new(0u64, 50000000u32),
        ),
    };
    const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = ::core::option::Option::Some(
        ::kaufmann::__private::or_poison(
            "user.create",
            <<Vec<
                user::Create,
            > as ::kaufmann::__private::BatchPayload>::Event as ::kaufmann::__private::Event>::INFO,
        ),
    );
    const INDEX: usize = <<Vec<
        user::Create,
    > as ::kaufmann::__private::BatchPayload>::Event as ::kaufmann::__private::Event>::INDEX;
    const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = <Result<
        (),
        Failure,
    > as ::kaufmann::__private::BatchReturned>::EMITS;
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
}
#[automatically_derived]
#[allow(deprecated)]
impl ::kaufmann::__private::Handler<App> for create {
    async fn handle(
        __cx: &::kaufmann::__private::Context<App>,
    ) -> ::kaufmann::__private::Outcome {
        let __into_outcome = <Result<
            (),
            Failure,
        > as ::kaufmann::__private::BatchReturned>::into_outcome;
        let ::kaufmann::__private::Decoded { payload: __event, rest: __rest } = <Vec<
            user::Create,
        > as ::kaufmann::__private::BatchPayload>::decode(__cx);
        match __event {
            ::core::option::Option::Some(__event) => {
                __rest
                    .conclude(
                        ::core::option::Option::Some(
                            __into_outcome(
                                ::kaufmann::__private::MaybeBoxed::<
                                    {
                                        ::kaufmann::__private::future_size(&create)
                                            > ::kaufmann::__private::LIMIT
                                    },
                                >::build(move || create(__event, __cx))
                                    .await,
                            ),
                        ),
                    )
            }
            ::core::option::Option::None => __rest.conclude(::core::option::Option::None),
        }
    }
}
#[allow(non_upper_case_globals)]
const __KAUFMANN_CHECK_create: () = ::kaufmann::__private::declared(
    "create",
    "user.create",
    <<Vec<
        user::Create,
    > as ::kaufmann::__private::BatchPayload>::Event as ::kaufmann::__private::Event>::INFO,
);
