#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(event: user::Create) -> Result<(), Failure> {
    let _: u32 = event.email;
    Ok(())
}

fn main() {}
