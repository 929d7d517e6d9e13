//! Two services. `Accounts` takes commands, keeps its accounts in SQLite and publishes what becomes of them. `Directory` has never
//! seen that database: it keeps a projection of its own, by what `Accounts` publishes.

pub mod accounts;
pub mod directory;
pub mod ledger;

kaufmann::include_events!(); // pub mod events { … }, made by build.rs from schemas/
