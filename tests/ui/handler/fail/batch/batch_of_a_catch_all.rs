#[path = "../../../support/events.rs"]
mod events;

use kaufmann::{Failure, Record, handler};

#[handler(catch_all, batch = 100)]
async fn any(_records: Vec<Record>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
