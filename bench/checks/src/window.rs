//! Counts the records handled within a window of time, of a topic that has more.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::Contend;
use crate::latency::until;

/// The window, and the records handled in it.
pub(crate) struct Window {
    /// On the clock that all processes of the machine share.
    begin: u64,
    end: u64,
    handled: AtomicU64,
}

impl Window {
    pub(crate) fn new(contend: &Contend) -> Self {
        let after = |seconds| contend.origin + Duration::from_secs(seconds).as_nanos() as u64;
        Self {
            begin: after(contend.warm_up),
            end: after(contend.warm_up + contend.seconds),
            handled: AtomicU64::new(0),
        }
    }

    /// Notes that a handler has ended.
    pub(crate) fn handled(&self) {
        if until(self.begin).is_zero() && !self.left().is_zero() {
            self.handled.fetch_add(1, Relaxed);
        }
    }

    /// The length of the window.
    pub(crate) fn left(&self) -> Duration {
        until(self.end)
    }

    pub(crate) fn count(&self) -> u64 {
        self.handled.load(Relaxed)
    }
}
