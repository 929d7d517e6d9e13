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

pub type NumberContext = Context<u32>;

#[handler(event = "user.created")]
pub async fn broken(_event: user::Created, _cx: &NumberContext) -> Result<(), Failure> {
    Ok(())
}

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [create, broken],
    }
}

fn main() {}
