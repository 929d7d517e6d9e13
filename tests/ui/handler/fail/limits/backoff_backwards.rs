#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create", backoff = "5m..1s")]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
