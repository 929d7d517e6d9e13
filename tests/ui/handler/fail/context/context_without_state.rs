#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

#[handler(event = "user.create")]
async fn create(_event: user::Create, _cx: &Context) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
