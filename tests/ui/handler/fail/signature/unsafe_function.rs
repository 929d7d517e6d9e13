#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async unsafe fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
