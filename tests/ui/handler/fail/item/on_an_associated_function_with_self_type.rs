#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

impl App {
    #[handler(event = "user.create")]
    pub async fn create(_event: user::Create, _cx: &Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn main() {}
