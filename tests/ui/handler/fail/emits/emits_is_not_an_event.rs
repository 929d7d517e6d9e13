#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

pub struct App;

#[handler(event = "user.create", emits = [App])]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
