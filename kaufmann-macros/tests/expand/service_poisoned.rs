struct Accounts;
::core::compile_error! {
    "unknown key `handler`, did you mean `handlers`?; `service!` takes `state`, `handlers`, `exhaustive` and `ignore`"
}
impl ::kaufmann::__private::Service for Accounts {
    type State = App;
    const NAME: &'static str = "";
    const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[];
    async fn dispatch(
        _: u32,
        _: &::kaufmann::__private::Context<App>,
    ) -> ::kaufmann::__private::Outcome {
        ::kaufmann::__private::poisoned()
    }
}
