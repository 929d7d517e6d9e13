#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(_event: user::Create) -> Result<u32, Failure> {
    Ok(1)
}

fn main() {}
