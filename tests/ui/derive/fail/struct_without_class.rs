use kaufmann::HandlerError;

#[derive(Debug, thiserror::Error, HandlerError)]
#[error("there is no such card")]
pub struct NoCard;

fn main() {}
