//! Wakes a thread that waits for events.

use std::fmt;
use std::sync::Arc;

/// Wakes the thread that drives a source. Several calls between two of its turns count as one.
#[derive(Clone)]
pub struct Waker(Arc<dyn Fn() + Send + Sync>);

impl Waker {
    /// A waker that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// A waker that unparks a thread.
    #[must_use]
    pub fn of_thread(thread: std::thread::Thread) -> Self {
        Self::new(move || thread.unpark())
    }

    /// Wakes it.
    pub fn wake(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}
