#[path = "../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Failure, Tombstone, handler};

#[handler(event = "user.create")]
async fn create(_event: user::Create) -> Result<Option<Tombstone<user::Create>>, Failure> {
    Ok(None)
}

#[handler(event = "user.create", tombstone)]
async fn forget(gone: Tombstone<user::Create>) -> Result<(), Failure> {
    let _: &i64 = gone.key();
    Ok(())
}

kaufmann::service! {
    /// Keeps accounts.
    struct Accounts {
        /// Nothing is shared.
        state: (),
        /// In the order of an account's life.
        handlers: [
            /// Opens one.
            create,
            // A plain comment.
            /** Closes one. */
            #[cfg(not(windows))]
            forget,
        ],
        exhaustive: events,
        ignore: [
            /// Not ours.
            user::Created,
            user::Delete,
            user::Audited,
        ],
    }
}

fn main() {
    let entries = <Accounts as kaufmann::Service>::HANDLERS;
    assert!(!entries[0].tombstone && entries[1].tombstone);
}
