//! Where an assignment ends: the offset up to which its records may still start.
//!
//! Records of other keys overtake a slow one, so when a partition is revoked there are gaps below the newest record that was
//! started. What is settled above a gap would be handled again by the next owner, after it has handled the gap: late, and
//! out of order. So the gaps are filled first: every shard holds still and says what it has started, and then the
//! assignment's limit is set behind the newest of that. Nothing beyond it starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::assignment::Assignment;
use crate::source::Waker;

/// What the shards have started of some assignments. Each shard answers once, and starts nothing until the limits are set.
#[derive(Debug)]
pub(crate) struct Survey {
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

impl Survey {
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

    /// A record runs.
    pub(crate) fn running(&self, assignment: &Assignment, offset: i64) {
        if let Some(started) = self.find(assignment) {
            started.running.fetch_max(offset, Ordering::AcqRel);
        }
    }

    /// A record failed and waits to be tried again.
    pub(crate) fn failed(&self, assignment: &Assignment, offset: i64) {
        if let Some(started) = self.find(assignment) {
            started.failed.fetch_min(offset, Ordering::AcqRel);
        }
    }

    /// A shard has said everything.
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
    /// What failed is given up, and nothing behind it can be committed, so filling gaps behind it would be in vain.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn survey() -> (Arc<Assignment>, Arc<Survey>) {
        let assignment = Arc::new(Assignment::new(1, "t".into(), 0));
        let survey = Survey::new(&[Arc::clone(&assignment)], 2, Waker::new(|| {}));
        (assignment, survey)
    }

    #[test]
    fn the_limit_is_the_newest_that_was_started() {
        let (assignment, survey) = survey();
        assert_eq!(survey.limit(&assignment, None), i64::MIN);
        survey.running(&assignment, 4);
        survey.running(&assignment, 2);
        assert_eq!(survey.limit(&assignment, Some(3)), 4);
        assert_eq!(survey.limit(&assignment, Some(9)), 9);
        assignment.handed(11);
        assert_eq!(survey.limit(&assignment, Some(9)), 11);
    }

    #[test]
    fn nothing_starts_behind_what_failed() {
        let (assignment, survey) = survey();
        survey.running(&assignment, 40);
        survey.failed(&assignment, 20);
        survey.failed(&assignment, 30);
        assert_eq!(survey.limit(&assignment, None), 19);
    }

    #[test]
    fn it_is_complete_when_every_shard_has_answered() {
        let (_, survey) = survey();
        survey.answered();
        assert!(!survey.is_complete());
        survey.answered();
        assert!(survey.is_complete());
    }
}
