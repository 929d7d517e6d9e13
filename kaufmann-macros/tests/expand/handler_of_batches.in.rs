#[handler(event = "user.create", batch = 100, linger = "50ms")]
pub async fn create(events: Vec<user::Create>, cx: &Context<App>) -> Result<(), Failure> {
    cx.state.store(events).await
}
