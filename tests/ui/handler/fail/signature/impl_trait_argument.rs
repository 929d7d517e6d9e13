#[path = "../../../support/events.rs"]
mod events;

use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(_event: impl Send) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
