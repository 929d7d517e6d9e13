//! Schemas that are hard on the generator, the types generated from them, and random data for both.
//!
//! Every `.avsc` in `schemas/` is legal Avro 1.12. All are generated into one module, so that equal names in them
//! collide.

pub mod case;
pub mod datum;
pub mod samples;

/// The generated types.
#[deny(warnings, clippy::all)]
mod generated {
    kaufmann::include_events!();
}

pub use generated::events;
