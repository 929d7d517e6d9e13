#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

#[handler(event = "user.create")]
async fn create(_event: user::Create) -> Result<(), Failure> {
    Ok(())
}

#[handler(event = "user.delete")]
async fn create(_event: user::Delete) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
