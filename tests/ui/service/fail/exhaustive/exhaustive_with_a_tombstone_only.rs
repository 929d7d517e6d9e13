#[path = "../../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, Tombstone, handler};

#[handler(event = "user.create", tombstone)]
async fn forget(_gone: Tombstone<user::Create>) -> Result<(), Failure> {
    Ok(())
}

kaufmann::service! {
    pub struct Accounts {
        state: (),
        handlers: [forget],
        exhaustive: events,
        ignore: [user::Created, user::Delete, user::Audited],
    }
}

fn main() {}
