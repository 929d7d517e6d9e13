use kaufmann::HandlerError;

#[derive(HandlerError)]
pub union Charge {
    pub a: u32,
    pub b: f32,
}

fn main() {}
