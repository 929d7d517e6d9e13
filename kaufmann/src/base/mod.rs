//! What every room needs: errors, panics, jitter, the wall clock, bounded texts.

pub(crate) mod bounded_text;
pub(crate) mod control;
pub(crate) mod error;
pub(crate) mod jitter;
pub(crate) mod panics;
pub(crate) mod serde_error;
pub(crate) mod sync;
pub(crate) mod waker;
pub(crate) mod wall_clock;
