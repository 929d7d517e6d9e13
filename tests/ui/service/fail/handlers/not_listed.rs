#![deny(dead_code)] // By itself it is a warning.

#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

#[handler(event = "user.delete")]
async fn delete(_event: user::Delete) -> Result<(), Failure> {
    Ok(())
}

kaufmann::service! {
    pub struct Accounts {
        state: (),
        handlers: [create],
    }
}

fn main() {
    let _ = Accounts;
}
