//! The queue of reports from the shards and the deliveries to the poller, and when it wakes the poller.

use std::sync::PoisonError;

use super::Report;
use super::sync::{Mutex, MutexGuard};
use crate::base::waker::Waker;

/// The queue of reports to the poller.
#[derive(Debug)]
pub(crate) struct Settlements {
    pending: Mutex<Pending>,
    waker: Waker,
}

/// Under one lock: a report that is not counted would wake the poller too late.
#[derive(Debug)]
struct Pending {
    reports: Vec<Report>,
    /// After how many more reported records the poller is woken; 0: never.
    wake_after: usize,
}

impl Settlements {
    pub(crate) fn new(waker: Waker) -> Self {
        let pending = Mutex::new(Pending {
            reports: Vec::new(),
            wake_after: 0,
        });
        Self { pending, waker }
    }

    /// Sends a report of one record.
    pub(crate) fn report(&self, report: Report) {
        self.add(1, |reports| reports.push(report));
    }

    /// Sends reports of `records` records, and leaves the buffer empty.
    pub(crate) fn append(&self, pending: &mut Vec<Report>, records: usize) {
        self.add(records, |reports| reports.append(pending));
    }

    /// Takes the reports, in exchange for an empty buffer.
    pub(crate) fn take(&self, buffer: &mut Vec<Report>) {
        std::mem::swap(&mut self.lock().reports, buffer);
    }

    /// Wakes the poller after `records` more records; 0: never. Returns `false` if there are such reports already.
    pub(crate) fn arm(&self, records: usize) -> bool {
        let mut pending = self.lock();
        pending.wake_after = records;
        records == 0 || pending.reports.is_empty()
    }

    /// The waker of the poller.
    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn add(&self, records: usize, add: impl FnOnce(&mut Vec<Report>)) {
        let is_due = {
            let mut pending = self.lock();
            add(&mut pending.reports);
            let was_armed = pending.wake_after > 0;
            pending.wake_after = pending.wake_after.saturating_sub(records);
            was_armed && pending.wake_after == 0
        };
        if is_due {
            self.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
