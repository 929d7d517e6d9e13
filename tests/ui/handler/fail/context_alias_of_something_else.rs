#[path = "../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, handler};

pub struct App;

type AppContext = Vec<App>;

#[handler(event = "user.create")]
async fn create(_event: user::Create, _cx: &AppContext) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
