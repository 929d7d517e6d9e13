#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::handler;

pub struct App;

#[handler(event = "user.create")]
impl App {
    pub async fn create(_event: user::Create) {}
}

fn main() {}
