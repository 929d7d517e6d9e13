#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(_events: Vec<user::Create>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
