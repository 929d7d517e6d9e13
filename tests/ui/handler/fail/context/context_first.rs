#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

#[handler(event = "user.create")]
async fn create(_cx: &Context<App>, _event: user::Create) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
