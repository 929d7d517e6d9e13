#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

#[handler(event = "user.create", batch = 100)]
async fn create(_events: Vec<user::Create>) -> Result<(), std::fmt::Error> {
    Ok(())
}

fn main() {}
