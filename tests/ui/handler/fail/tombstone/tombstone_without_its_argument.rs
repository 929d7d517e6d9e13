#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, Tombstone, handler};

#[handler(event = "user.create")]
async fn create(_gone: Tombstone<user::Create>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
