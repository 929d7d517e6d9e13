#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(event: user::Create) -> Result<(user::Created, u32), Failure> {
    Ok((user::Created { id: event.id, email: event.email }, 1))
}

fn main() {}
