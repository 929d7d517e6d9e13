#[derive(HandlerError)]
pub enum Charge<E> {
    #[retry]
    Database(E),
    #[retry_after("1m 500ms")]
    Busy,
    #[dead_letter]
    NoCard { number: u32 },
}
