#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

#[handler(event = "user.create")]
async fn create(_event: user::Create, _cx: Context<App>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
