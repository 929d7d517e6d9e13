pub(crate) async fn any(record: &Record, cx: &Context<App>) -> Result<(), Failure> {
    log(record, cx).await
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
pub(crate) struct any {}
#[automatically_derived]
impl ::kaufmann::__private::HandlerInfo for any {
    const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = ::core::option::Option::None;
    const INDEX: usize = ::core::primitive::usize::MAX;
    const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = <Result<
        (),
        Failure,
    > as ::kaufmann::__private::Returned>::EMITS;
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
}
#[automatically_derived]
#[allow(deprecated)]
impl ::kaufmann::__private::Handler<App> for any {
    async fn handle(
        __cx: &::kaufmann::__private::Context<App>,
    ) -> ::kaufmann::__private::Outcome {
        let __into_outcome = <Result<
            (),
            Failure,
        > as ::kaufmann::__private::Returned>::into_outcome;
        let __event = <&'static Record as ::kaufmann::__private::AnyRecord>::take(
            __cx.record(),
        );
        __into_outcome(
            ::kaufmann::__private::MaybeBoxed::<
                {
                    ::kaufmann::__private::future_size(&any)
                        > ::kaufmann::__private::LIMIT
                },
            >::build(move || any(__event, __cx))
                .await,
        )
    }
}
