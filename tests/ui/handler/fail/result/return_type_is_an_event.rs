#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

#[handler(event = "user.create")]
async fn create(event: user::Create) -> user::Created {
    user::Created { id: event.id, email: event.email }
}

fn main() {}
