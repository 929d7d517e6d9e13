#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

#[handler(event = "user.create")]
pub struct Create {
    pub event: user::Create,
}

fn main() {}
