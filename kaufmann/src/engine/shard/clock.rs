//! A shard's time slice. The clock is read rarely while steps are short.

use std::time::Duration;

use tokio::time::Instant;

/// How long a shard runs before it yields to other tasks of its thread.
const SLICE: Duration = Duration::from_micros(200);
/// The clock is read at least once in this many steps.
const MAX_UNTIMED: u32 = 64;
/// After steps longer than this on average, the clock is read at each step.
const CHEAP: Duration = Duration::from_micros(20);

#[derive(Debug)]
pub(super) struct Clock {
    end: Instant,
    last: Instant,
    /// Steps between two readings of the clock.
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

    /// Begins a slice.
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

    /// Counts a poll of a handler.
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
