#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(catch_all)]
async fn any(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
