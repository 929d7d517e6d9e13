#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create", batch = 100)]
async fn create(_events: &[user::Create]) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
