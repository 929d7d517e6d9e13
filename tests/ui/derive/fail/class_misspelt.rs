use kaufmann::HandlerError;

#[derive(Debug, HandlerError)]
enum Charge {
    #[retry]
    Busy,
    #[deadletter]
    NoCard,
}

impl std::fmt::Display for Charge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no")
    }
}

impl std::error::Error for Charge {}

fn main() {
    let _ = (Charge::Busy, Charge::NoCard);
}
