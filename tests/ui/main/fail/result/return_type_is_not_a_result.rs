use kaufmann::Config;

pub struct App;

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [],
    }
}

#[kaufmann::main(Accounts)]
async fn start(_config: &Config) -> App {
    App
}
