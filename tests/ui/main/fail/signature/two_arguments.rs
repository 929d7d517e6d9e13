use kaufmann::{BoxError, Config};

pub struct App;

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [],
    }
}

#[kaufmann::main(Accounts)]
async fn start(_config: &Config, _more: u32) -> Result<App, BoxError> {
    Ok(App)
}
