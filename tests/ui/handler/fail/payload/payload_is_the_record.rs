#[path = "../../../support/events.rs"]
mod events;

use kaufmann::{Failure, Record, handler};

#[handler(event = "user.create")]
async fn create(_event: Record) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
