//! Schemas made to break a generator, the types made of them, and random data for both.
//!
//! Every `.avsc` in `schemas/` is legal Avro 1.12. All of them are generated into one module, so that what they have in
//! common, names above all, gets into each other's way.

pub mod case;
pub mod datum;
pub mod samples;

/// What was generated.
#[deny(warnings, clippy::all)]
mod generated {
    kaufmann::include_events!();
}

pub use generated::events;
