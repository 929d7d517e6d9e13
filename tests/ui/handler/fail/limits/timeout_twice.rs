#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create", timeout = "1s", timeout = "2s")]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
