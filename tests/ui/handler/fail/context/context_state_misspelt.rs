#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, handler};

pub struct App;

pub struct Application;

#[handler(event = "user.create")]
async fn create(_event: user::Create, _cx: &Context<Applicaton>) -> Result<(), Failure> {
    Ok(())
}

fn main() {}
