//! When a shard has run long enough. The clock is read seldom while steps are cheap.

use std::time::Duration;

use tokio::time::Instant;

/// How long a shard runs before it lets other tasks of its thread run. Handlers may share the thread with timers.
const SLICE: Duration = Duration::from_micros(200);
/// After how many steps the clock is read at the latest.
const MAX_UNTIMED: u32 = 64;
/// A step longer than this is not cheap: after one the clock is read at each step.
const CHEAP: Duration = Duration::from_micros(20);

#[derive(Debug)]
pub(super) struct Clock {
    end: Instant,
    last: Instant,
    /// Steps between two readings.
    interval: u32,
    left: u32,
    over: bool,
}

impl Clock {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            end: now,
            last: now,
            interval: 1,
            left: 1,
            over: false,
        }
    }

    /// A slice begins.
    pub(super) fn begin(&mut self) {
        let now = Instant::now();
        *self = Self {
            end: now + SLICE,
            last: now,
            interval: self.interval,
            left: self.interval,
            over: false,
        };
    }

    /// A handler was polled.
    #[inline]
    pub(super) fn step(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.read();
        }
    }

    /// Whether the slice is over.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    fn read(&mut self) {
        let now = Instant::now();
        let step = (now - self.last) / self.interval;
        self.interval = if step > CHEAP {
            1
        } else {
            (self.interval * 2).min(MAX_UNTIMED)
        };
        (self.last, self.left, self.over) = (now, self.interval, now >= self.end);
    }
}
