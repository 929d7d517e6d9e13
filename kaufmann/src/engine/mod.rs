//! The engine: it reads records from a source, runs handlers, and commits what is settled.

// In the order in which a record flows: poller → shard → attempt → settle → commit.
pub(crate) mod fence;

pub(crate) mod poller;
pub(crate) mod round;

pub(crate) mod lanes;
pub(crate) mod shard;

pub(crate) mod attempt;
pub(crate) mod watchdog;

pub(crate) mod commit;
pub(crate) mod settle;

// Used by several of these.
pub(crate) mod link;
pub(crate) mod policy;
pub(crate) mod pool;
pub(crate) mod runtime;
pub(crate) mod shares;
pub(crate) mod simulation;

#[cfg(test)]
mod interleavings;

// A model checker compiles `pool` with primitives of its own, by this name.
use crate::base::sync;
