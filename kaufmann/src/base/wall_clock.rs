//! The time of day, by which services of different machines understand each other. In a simulation it is that of its clock.

use std::time::{Instant, SystemTime};

/// What tells the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock(Option<(Instant, SystemTime)>);

impl WallClock {
    /// One that goes with a simulation's clock, from this time of both on.
    pub(crate) fn simulated(now: Instant, time: SystemTime) -> Self {
        Self(Some((now, time)))
    }

    /// The time of day at this time, which is about now.
    pub(crate) fn at(self, now: Instant) -> SystemTime {
        match self.0 {
            None => SystemTime::now(),
            Some((began, at)) => at + now.saturating_duration_since(began),
        }
    }
}
