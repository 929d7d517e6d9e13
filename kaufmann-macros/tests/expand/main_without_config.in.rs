#[main(Accounts)]
async fn start() -> Result<App, Error> {
    Ok(App)
}
