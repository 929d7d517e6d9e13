#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

async fn pause() {}

#[handler(event = "user.create")]
async fn create(event: user::Create, _cx: &Context<App>) -> Result<(), Failure> {
    let email = std::rc::Rc::new(event.email);
    pause().await;
    drop(email);
    Ok(())
}

fn main() {}
