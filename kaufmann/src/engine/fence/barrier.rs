//! Collects from the shards what they have started.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::sync::{AtomicI64, AtomicUsize};
use crate::assignment::Assignment;
use crate::source::Waker;

/// What the shards have started of certain assignments. Each shard answers once, and starts nothing until the limits are set.
#[derive(Debug)]
pub(crate) struct Barrier {
    started: Vec<Started>,
    /// Shards that have not answered.
    left: AtomicUsize,
    waker: Waker,
}

/// What was started of one assignment.
#[derive(Debug)]
struct Started {
    assignment: Arc<Assignment>,
    /// The highest offset that runs.
    running: AtomicI64,
    /// The lowest offset that failed and waits to be tried again.
    failed: AtomicI64,
}

impl Barrier {
    pub(crate) fn new(assignments: &[Arc<Assignment>], shards: usize, waker: Waker) -> Arc<Self> {
        let started = assignments.iter().map(|assignment| Started {
            assignment: Arc::clone(assignment),
            running: AtomicI64::new(i64::MIN),
            failed: AtomicI64::new(i64::MAX),
        });
        Arc::new(Self {
            started: started.collect(),
            left: AtomicUsize::new(shards),
            waker,
        })
    }

    /// Reports a record that runs.
    pub(crate) fn running(&self, assignment: &Assignment, offset: i64) {
        if let Some(started) = self.find(assignment) {
            started.running.fetch_max(offset, Ordering::AcqRel);
        }
    }

    /// Reports a record that failed and waits to be tried again.
    pub(crate) fn failed(&self, assignment: &Assignment, offset: i64) {
        if let Some(started) = self.find(assignment) {
            started.failed.fetch_min(offset, Ordering::AcqRel);
        }
    }

    /// Notes that a shard has reported everything.
    pub(crate) fn answered(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }

    /// Whether all shards have answered.
    pub(crate) fn is_complete(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// The limit of an assignment whose highest settled offset is `settled`.
    ///
    /// A failed record is given up, and no offset after it can be committed, so nothing after it starts.
    pub(crate) fn limit(&self, assignment: &Assignment, settled: Option<i64>) -> i64 {
        let Some(started) = self.find(assignment) else {
            return i64::MIN;
        };
        let newest = started
            .running
            .load(Ordering::Acquire)
            .max(settled.unwrap_or(i64::MIN));
        let newest = newest.max(assignment.highest_handed());
        newest.min(started.failed.load(Ordering::Acquire).saturating_sub(1))
    }

    fn find(&self, assignment: &Assignment) -> Option<&Started> {
        self.started
            .iter()
            .find(|started| started.assignment.id() == assignment.id())
    }
}
