//! Properties of any input: it is a value or an error, and all readers agree.
//!
//! Each function is a fuzz target of the same name, and panics where something does not hold. The workspace's tests call
//! them with the inputs in `corpus/`.

mod direct;
mod resolved;
mod schema;
mod spool;
pub(crate) mod types;
mod wire;

pub use direct::direct;
pub use resolved::resolved;
pub use schema::schema;
pub use spool::spool;
pub use wire::wire;
