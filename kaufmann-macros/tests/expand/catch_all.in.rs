#[handler(catch_all)]
pub(crate) async fn any(record: &Record, cx: &Context<App>) -> Result<(), Failure> {
    log(record, cx).await
}
