#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

#[handler(event = "user.create")]
async fn create(_event: user::Create) {}

fn main() {}
