//! The wall-clock time, which services on different machines share. In a simulation it follows the simulation's clock.

use std::time::{Instant, SystemTime};

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock(Option<(Instant, SystemTime)>);

impl WallClock {
    /// A clock that advances with a simulation's, starting at these two times.
    pub(crate) fn simulated(now: Instant, time: SystemTime) -> Self {
        Self(Some((now, time)))
    }

    /// The wall-clock time at `now`; the system's current time, unless simulated.
    pub(crate) fn at(self, now: Instant) -> SystemTime {
        match self.0 {
            None => SystemTime::now(),
            Some((began, at)) => at + now.saturating_duration_since(began),
        }
    }
}
