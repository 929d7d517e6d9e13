use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Charge {
    #[error("the database is away")]
    #[retry]
    Database,
    #[error("there is no such card")]
    NoCard,
}

fn main() {}
