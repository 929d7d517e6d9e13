#[path = "../../../support/events.rs"]
mod events;

use std::rc::Rc;

use events::user;
use kaufmann::{Context, Failure, handler, service};

#[handler(event = "user.create")]
async fn create(_event: user::Create, _cx: &Context<Rc<u32>>) -> Result<(), Failure> {
    Ok(())
}

service! {
    struct Accounts {
        state: Rc<u32>,
        handlers: [create],
    }
}

fn main() {}
