kaufmann::service! {
    pub struct Accounts {
        context: (),
        handlers: [],
    }
}

fn main() {}
