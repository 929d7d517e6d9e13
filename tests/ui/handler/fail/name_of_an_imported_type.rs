#[path = "../../support/events.rs"]
mod events;

use events::user::Create;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
#[allow(non_snake_case)]
async fn Create(_event: Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
