//! What every contender in Rust shares: its arguments, what its handlers do, and the report it prints.
//!
//! A contender calls [`Checks::handle`] or [`Checks::work`] once for each record that it has decoded, waits for
//! [`Checks::done`], and ends with [`Checks::print`].

mod arguments;
mod checks;
mod latency;
mod purchase;
mod report;
mod usage;
mod window;

pub use arguments::{Contend, Kind};
pub use checks::{Checks, Order};
pub use latency::{Latency, due_in};
pub use purchase::Purchased;
pub use report::Report;
pub use usage::Usage;

/// The schema id of the records.
pub const SCHEMA_ID: u32 = 7;

/// The schema id of event type `number`, if the records have several.
#[must_use]
pub fn schema_id(number: u32) -> u32 {
    SCHEMA_ID + 100 + number
}

/// The field that handlers add up, of the record with this sequence number.
#[must_use]
pub fn amount(sequence: u64) -> i64 {
    (sequence.wrapping_mul(2_654_435_761) % 100_000) as i64
}
