#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(event: user::CreateRef<'_>) -> Result<user::CreateRef<'_>, Failure> {
    Ok(event)
}

fn main() {}
