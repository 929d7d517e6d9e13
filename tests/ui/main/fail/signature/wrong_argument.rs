use kaufmann::BoxError;

pub struct App;

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [],
    }
}

#[kaufmann::main(Accounts)]
async fn start(_config: &str) -> Result<App, BoxError> {
    Ok(App)
}
