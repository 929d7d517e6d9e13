#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

#[handler(event = "user.create")]
async fn create<T: Send>(_event: user::Create, _cx: &Context<T>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
