use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Charge {
    #[error("the database is away")]
    #[retry("30s")]
    Database,
}

fn main() {}
