#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

pub struct App;

#[handler(event = "user.create")]
async fn create(_event: user::Create, _app: &App) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
