#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

impl App {
    #[handler(event = "user.create")]
    pub async fn create(&self, _event: user::Create, _cx: &Context<App>) -> Result<(), Failure> {
        Ok(())
    }
}

fn main() {}
