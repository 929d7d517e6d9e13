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

async fn pause() {}

#[handler(event = "user.delete")]
pub async fn broken(event: user::Delete) -> Result<(), Failure> {
    let email = std::rc::Rc::new(event.email);
    pause().await;
    drop(email);
    Ok(())
}

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [create, broken],
    }
}

fn main() {}
