#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

#[derive(Debug)]
pub struct Broken;

#[handler(event = "user.create")]
async fn create(_event: user::Create) -> Result<(), Broken> {
    Err(Broken)
}

fn main() {}
