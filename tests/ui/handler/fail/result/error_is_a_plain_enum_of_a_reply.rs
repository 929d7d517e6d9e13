#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, handler};

pub struct App;

pub enum Broken {
    Database,
}

#[handler(event = "user.create")]
pub async fn create(event: user::Create, _cx: &Context<App>) -> Result<user::Created, Broken> {
    match event.id {
        0 => Err(Broken::Database),
        id => Ok(user::Created { id, email: event.email }),
    }
}

fn main() {}
