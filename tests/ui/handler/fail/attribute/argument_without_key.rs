#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler("user.create")]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
