#[path = "../../../support/events.rs"]
mod events;

use kaufmann::{Failure, handler};

#[handler(event = "user.create", batch = 100)]
async fn create(_events: Vec<String>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
