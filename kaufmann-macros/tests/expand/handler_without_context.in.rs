#[handler(event = "user.delete")]
async fn r#delete(user::Delete { id }: user::Delete) -> Result<(), Failure> {
    remove(id).await
}
