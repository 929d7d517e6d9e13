use kaufmann::{BoxError, Config};

pub struct App;

kaufmann::service! {
    pub struct Accounts {
        handlers: [],
    }
}

#[kaufmann::main(Accounts)]
async fn start(_config: &Config) -> Result<App, BoxError> {
    Ok(App)
}
