//! The primitives of what crosses threads. The files that take them from here are compiled a second time with those of a model
//! checker, which tries the orders in which threads may go: `interleavings`.

pub(crate) use std::sync::atomic::{AtomicI64, AtomicUsize};
pub(crate) use std::sync::{Mutex, MutexGuard};
