#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create", batch = 100)]
async fn create(_events: Vec<user::Delete>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
