use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Charge {
    #[error("the database is away")]
    #[retry]
    Database(#[skip] u32),
}

fn main() {}
