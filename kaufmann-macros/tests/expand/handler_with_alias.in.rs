#[handler(event = "user.delete")]
async fn delete(event: user::Delete, cx: &AppContext) -> Outcome {
    remove(event.id, cx).await
}
