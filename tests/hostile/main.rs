//! What must hold of input that nobody vouches for: it is a value or an error, in memory that its length bounds.
//!
//! A binary of its own, because its allocator counts. What the fuzzer checks is checked here with the inputs it has kept.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod agreement;
mod corpus;
mod damage;
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
mod fuzz;
mod samples;
