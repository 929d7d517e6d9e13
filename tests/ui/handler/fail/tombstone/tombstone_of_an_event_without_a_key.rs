#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, Tombstone, handler};

#[handler(event = "user.delete", tombstone)]
async fn create(_gone: Tombstone<user::Delete>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
