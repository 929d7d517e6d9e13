//! Latency of a record: from the time at which it is due to the start of its handler.
//!
//! It counts from when the record is due, not from when it is sent: a producer that is late on a busy machine makes the record late
//! too.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Contend;

/// Percentiles of the latency, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The maximum.
    pub max_ms: f64,
}

/// The latencies of all records.
pub(crate) struct Times {
    origin: u64,
    rate: u64,
    /// Sequence number of the first record that is counted.
    first: u64,
    /// Whether key 0 is counted.
    all: bool,
    /// Microseconds.
    taken: Box<[AtomicU32]>,
}

impl Times {
    pub(crate) fn new(contend: &Contend) -> Self {
        Self {
            origin: contend.origin,
            rate: contend.rate.max(1),
            first: contend.warm_up * contend.rate,
            all: contend.work == 0,
            taken: (0..contend.records).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Notes that a record's handler begins.
    pub(crate) fn begun(&self, sequence: u64) {
        let due = self.origin + sequence * 1_000_000_000 / self.rate;
        let micros = now().saturating_sub(due) / 1_000;
        if let Some(taken) = self.taken.get(sequence as usize) {
            taken.store(u32::try_from(micros).unwrap_or(u32::MAX), Relaxed);
        }
    }

    pub(crate) fn latency(&self, keys: u64) -> Option<Latency> {
        let counted = self.taken.iter().zip(0..).skip(self.first as usize);
        let mut sorted: Vec<u32> = counted
            .filter(|(_, sequence): &(_, u64)| self.all || sequence % keys != 0)
            .map(|(taken, _)| taken.load(Relaxed))
            .collect();
        sorted.sort_unstable();
        let at = |share: f64| {
            let place = ((sorted.len() as f64 * share).ceil() as usize).max(1) - 1;
            sorted.get(place).map(|&micros| f64::from(micros) / 1e3)
        };
        Some(Latency {
            p50_ms: at(0.5)?,
            p99_ms: at(0.99)?,
            max_ms: at(1.0)?,
        })
    }
}

/// The time that is `time` from now, on the clock that all processes of the machine share.
#[must_use]
pub fn due_in(time: Duration) -> u64 {
    now() + time.as_nanos() as u64
}

/// How long until this time of that clock.
pub(crate) fn until(time: u64) -> Duration {
    Duration::from_nanos(time.saturating_sub(now()))
}

/// Nanoseconds of the machine's monotonic clock.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| Duration::from(now).as_nanos() as u64)
}
