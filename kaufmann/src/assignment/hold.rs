//! The hold of a topic: it is not read for a while, because too many of its records could not be handled. Pure except for its lock: the
//! time is an argument.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether a topic is held, for all its partitions in this process. It outlives their assignments.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Checked for each record, so that the lock is taken only while the topic is held.
    active: AtomicBool,
    state: Mutex<State>,
    first: Duration,
    longest: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// The end of the current hold, or of the last one.
    until: Option<Instant>,
    length: Duration,
}

impl Hold {
    /// A topic that is not held. It will be held for `first`, and if it fails again soon, twice as long each time, up to `longest`.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            active: AtomicBool::new(false),
            state: Mutex::default(),
            first,
            longest,
        }
    }

    /// Holds the topic, and returns for how long; `None` if it is held already.
    pub(crate) fn begin(&self, now: Instant) -> Option<Duration> {
        let mut state = self.lock();
        let length = match state.until {
            Some(until) if now < until => return None,
            // It was read for a shorter time than it was held before.
            Some(until) if now < until + state.length => (state.length * 2).min(self.longest),
            _ => self.first,
        };
        *state = State {
            until: Some(now + length),
            length,
        };
        self.active.store(true, Ordering::Release);
        Some(length)
    }

    /// How much longer the topic is held; `None` if it is read.
    #[inline]
    pub(crate) fn rest(&self, now: Instant) -> Option<Duration> {
        if !self.is_active() {
            return None;
        }
        let until = self.lock().until?;
        Some(until.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    /// Ends a hold whose time is up. Returns `true` once for each hold.
    pub(crate) fn end(&self, now: Instant) -> bool {
        self.is_active() && self.rest(now).is_none() && self.active.swap(false, Ordering::AcqRel)
    }

    /// Whether it is held, or [`Hold::end`] has not ended the hold yet.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_topic_that_fails_again_soon_is_held_twice_as_long_and_later_as_at_first() {
        let hold = Hold::new(SECOND, SECOND * 3);
        let start = Instant::now();
        assert_eq!((hold.rest(start), hold.end(start)), (None, false));
        assert_eq!(hold.begin(start), Some(SECOND));
        assert_eq!(hold.begin(start + SECOND / 2), None, "it is held already");
        assert_eq!(hold.rest(start + SECOND / 4), Some(SECOND * 3 / 4));
        assert!(!hold.end(start + SECOND / 2));
        let mut now = start + SECOND;
        assert_eq!(hold.rest(now), None);
        assert!(hold.end(now) && !hold.end(now), "it is over once");
        assert_eq!(hold.begin(now), Some(SECOND * 2));
        now += SECOND * 2;
        assert_eq!(
            hold.begin(now + SECOND),
            Some(SECOND * 3),
            "no longer than the longest"
        );
        now += SECOND * 4;
        assert_eq!(
            hold.begin(now + SECOND * 3),
            Some(SECOND),
            "it was read for longer than it was held"
        );
    }
}
