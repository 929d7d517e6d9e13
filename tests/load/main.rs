//! The cost of many records: bytes, counted by the allocator, and time, on a paused clock. Everything runs on one thread.
//!
//! A separate binary, because its allocator counts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

kaufmann::include_events!();

mod memory;
mod service;
mod slice;
mod slow_key;
mod source;
