//! Synchronisation primitives. The files that import them from here are compiled a second time with a model checker's, which
//! tries the possible interleavings of threads: `interleavings`.

pub(crate) use std::sync::atomic::{AtomicI64, AtomicUsize};
pub(crate) use std::sync::{Mutex, MutexGuard};
