use kaufmann::handler;

#[handler(event = "user.create")]
pub trait Create {}

fn main() {}
