//! What many records cost, counted: bytes by an allocator that counts, time on a paused clock, everything on one thread.
//!
//! A binary of its own, because of its allocator.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

kaufmann::include_events!();

mod memory;
mod service;
mod slice;
mod slow_key;
mod source;
