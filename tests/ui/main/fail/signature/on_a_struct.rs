pub struct App;

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [],
    }
}

#[kaufmann::main(Accounts)]
pub struct Start;
