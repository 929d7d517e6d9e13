use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
#[retry]
pub enum Charge {
    #[error("the database is away")]
    #[retry]
    Database,
}

fn main() {}
