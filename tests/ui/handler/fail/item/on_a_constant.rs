use kaufmann::handler;

#[handler(event = "user.create")]
pub const CREATE: &str = "create";

fn main() {}
