fn create<T>(event: T) {}
::core::compile_error! {
    "unknown argument `topic`; `#[handler]` takes `event`, `tombstone`, `catch_all`, `emits`, `timeout`, `retries`, `backoff`, `on_failure`, `max_in_flight`, `batch` and `linger`"
}
::core::compile_error! {
    "handler `create` must be an `async fn`"
}
::core::compile_error! {
    "handler `create` must not be generic; a handler has one payload and one state type"
}
::core::compile_error! {
    "handler `create` returns nothing; expected `-> Result<(), E>`"
}
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code)]
struct create {}
impl ::kaufmann::__private::HandlerInfo for create {
    const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = ::core::option::Option::Some(
        &::kaufmann::__private::POISON,
    );
    const INDEX: usize = ::core::primitive::usize::MAX;
    const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
}
impl<
    __S: ::core::marker::Send + ::core::marker::Sync,
> ::kaufmann::__private::Handler<__S> for create {
    async fn handle(
        _: &::kaufmann::__private::Context<__S>,
    ) -> ::kaufmann::__private::Outcome {
        ::kaufmann::__private::poisoned()
    }
}
