#[path = "../../../support/events.rs"]
#[allow(unused)]
mod events;

use kaufmann::{Failure, Record, handler};

#[handler(catch_all, tombstone)]
async fn create(_record: Record) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
