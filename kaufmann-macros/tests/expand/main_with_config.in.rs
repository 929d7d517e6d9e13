#[main(Accounts)]
async fn start(config: &Config) -> Result<App, Error> {
    App::connect(config).await
}
