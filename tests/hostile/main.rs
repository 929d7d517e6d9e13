//! Untrusted input: any bytes are a value or an error, in memory bounded by their length.
//!
//! A separate binary, because its allocator counts. It also runs the checks of the fuzz targets on the inputs that the fuzzer kept.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod agreement;
mod corpus;
mod damage;
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
mod fuzz;
mod samples;
