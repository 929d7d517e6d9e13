use kaufmann::HandlerError;

#[derive(Debug, HandlerError)]
pub enum Charge {
    #[retry]
    Database,
}

fn main() {}
