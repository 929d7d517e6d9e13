#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

#[handler(event = "user.create")]
pub async fn create(_event: user::Create, _cx: &Context<App>) -> Result<(), Failure> {
    Ok(())
}

#[handler(event = "user.delete")]
pub async fn delete(_event: user::Delete) -> Result<(), Failure> {
    Ok(())
}

kaufmann::service! {
    pub struct Accounts {
        state: App
        handlers: [create],
    }
}

fn main() {}
