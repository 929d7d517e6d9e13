//! The whole data path between an in-memory source and an in-memory publisher.
//!
//! Timing decides nothing here: a test waits for what must happen (with a deadline that only a bug reaches), and what must
//! not happen is asserted where it would have happened before.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

kaufmann::include_events!();

mod answers;
mod at_most_once;
mod batches;
mod bounds;
mod evolution;
mod exactly_once;
mod failures;
mod gaps;
mod group;
mod handler_limits;
mod headers;
mod held;
mod kit;
mod lock;
mod modes;
mod observed;
mod order;
mod panics;
mod partitioning;
mod producer;
mod replies;
mod retry_topics;
mod rig;
mod routing;
mod shutdown;
mod storms;
mod tombstones;
mod unreadable;
mod unwanted;
mod watchdog;
