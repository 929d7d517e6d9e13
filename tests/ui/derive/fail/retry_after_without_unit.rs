use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Charge {
    #[error("the database is away")]
    #[retry_after("30")]
    Database,
}

fn main() {}
