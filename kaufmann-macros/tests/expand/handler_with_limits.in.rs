#[handler(event = "user.create", timeout = "1m 30s", retries = 0, max_in_flight = 5)]
pub async fn create(event: user::CreateRef<'_>) -> Result<(), Failure> {
    store(event).await
}
