#[handler(event = "user.create", emits = [user::Audited])]
pub async fn create(event: user::CreateRef<'_>, cx: &Context<App>) -> Result<user::Created, Failure> {
    store(event, cx).await
}
