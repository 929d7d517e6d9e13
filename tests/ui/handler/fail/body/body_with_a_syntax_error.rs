#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(event: user::Create) -> Result<(), Failure> {
    let _email = event.;
    Ok(())
}

fn main() {}
