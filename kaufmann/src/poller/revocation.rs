//! Partitions on their way out: fence → drain → commit → release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::assignment::Assignment;

/// How long to wait before a last commit is sent again.
const COMMIT_PAUSE: Duration = Duration::from_millis(20);

/// Partitions that are given back, or all of them when the service stops.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) assignments: Vec<Arc<Assignment>>,
    /// Whether another member may have them already.
    pub(super) lost: bool,
    pub(super) deadline: Instant,
    pub(super) phase: Phase,
    /// When a last commit that was refused is sent again.
    commit_again: Option<Instant>,
    shutdown: bool,
}

/// How far a revocation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Waiting for what runs.
    Draining,
    /// Waiting for the answer to this many commits.
    Committing {
        /// Commits answered since the start.
        until: u64,
    },
}

impl Revocation {
    pub(super) fn of(assignments: Vec<Arc<Assignment>>, lost: bool, deadline: Instant) -> Self {
        Self {
            assignments,
            lost,
            deadline,
            phase: Phase::Draining,
            commit_again: None,
            shutdown: false,
        }
    }

    pub(super) fn shutdown(assignments: Vec<Arc<Assignment>>, deadline: Instant) -> Self {
        Self {
            assignments,
            lost: false,
            deadline,
            phase: Phase::Draining,
            commit_again: None,
            shutdown: true,
        }
    }

    pub(super) fn is_shutdown(&self) -> bool {
        self.shutdown
    }

    /// Whether a last commit that was refused should be sent again now: not at once, as a group that is being rebalanced
    /// refuses it for a while.
    pub(super) fn may_commit_again(&mut self, now: Instant) -> bool {
        let due = *self.commit_again.get_or_insert(now + COMMIT_PAUSE) <= now;
        if due {
            self.commit_again = None;
        }
        due
    }

    pub(super) fn contains(&self, assignment: &Assignment) -> bool {
        self.assignments.iter().any(|own| own.id() == assignment.id())
    }
}
