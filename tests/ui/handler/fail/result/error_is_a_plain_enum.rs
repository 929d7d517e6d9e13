#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, handler};

pub struct App;

pub enum Broken {
    Database,
}

#[handler(event = "user.create")]
pub async fn create(_event: user::Create, _cx: &Context<App>) -> Result<(), Broken> {
    Err(Broken::Database)
}

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [create],
    }
}

fn main() {}
