//! Counts the results of the replayed records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::handler::observer::{Observer, Settled};
use crate::record::Record;

/// The most failures that are listed.
const MOST_FAILURES: usize = 20;

/// The counters; clones share them.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Counts>);

#[derive(Default)]
struct Counts {
    handled: AtomicU64,
    unwanted: AtomicU64,
    skipped: AtomicU64,
    failed: AtomicU64,
    retries: AtomicU64,
    muted: AtomicU64,
    failures: Mutex<Vec<Failed>>,
}

/// A record that could not be handled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Failed {
    /// `orders/3@17`
    pub(super) record: String,
    pub(super) event: Option<String>,
    pub(super) reason: String,
}

/// The counts at one time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Counted {
    pub(super) handled: u64,
    /// Records without a handler.
    pub(super) unwanted: u64,
    pub(super) skipped: u64,
    /// Records that could not be handled.
    pub(super) failed: u64,
    /// Failed attempts that were retried.
    pub(super) retries: u64,
    /// Messages that were not published, because publishing is off.
    pub(super) muted: u64,
    /// The first failures.
    pub(super) failures: Vec<Failed>,
}

impl Counted {
    /// The number of settled records.
    pub(super) fn settled(&self) -> u64 {
        self.handled + self.unwanted + self.skipped + self.failed
    }
}

impl Tally {
    pub(super) fn now(&self) -> Counted {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            handled: get(&self.0.handled),
            unwanted: get(&self.0.unwanted),
            skipped: get(&self.0.skipped),
            failed: get(&self.0.failed),
            retries: get(&self.0.retries),
            muted: get(&self.0.muted),
            failures: self
                .0
                .failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Counts a message that is not published.
    pub(super) fn mute(&self) {
        self.0.muted.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of settled records.
    pub(super) fn settled(&self) -> u64 {
        let counts = [&self.0.handled, &self.0.unwanted, &self.0.skipped, &self.0.failed];
        counts
            .into_iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

impl Observer for Tally {
    fn settled(&self, record: &Record, event: Option<&str>, how: Settled<'_>) {
        let count = match how {
            Settled::Handled { .. } => &self.0.handled,
            Settled::Unwanted => &self.0.unwanted,
            Settled::Skipped { .. } => &self.0.skipped,
            Settled::DeadLettered { reason } | Settled::Postponed { reason, .. } => {
                let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
                if failures.len() < MOST_FAILURES {
                    failures.push(Failed {
                        record: record.to_string(),
                        event: event.map(str::to_owned),
                        reason: reason.to_owned(),
                    });
                }
                &self.0.failed
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn retrying(&self, _: &Record, _: Option<&str>, _: u32, _: Duration, _: &str) {
        self.0.retries.fetch_add(1, Ordering::Relaxed);
    }
}
