//! Partitions on their way out: barrier → fence → drain → commit → release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::assignment::Assignment;
use crate::engine::fence::Barrier;

/// How long to wait before a last commit is sent again.
const COMMIT_PAUSE: Duration = Duration::from_millis(20);
/// How long the last commits of a shutdown are waited for before the source is told to hurry.
const COMMIT_PATIENCE: Duration = Duration::from_secs(1);

/// Partitions that are given back, or all of them when the service stops.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) assignments: Vec<Arc<Assignment>>,
    why: Why,
    /// When what still runs is left to itself.
    pub(super) deadline: Instant,
    /// When the last commit is no longer waited for.
    pub(super) end: Instant,
    /// How long gaps are filled: after that nothing starts any more, and what runs has the rest of the time.
    pub(super) fill_until: Instant,
    pub(super) barrier: Arc<Barrier>,
    pub(super) phase: Phase,
    /// When a last commit that was refused is sent again.
    commit_again: Option<Instant>,
    /// Since when the last commits are waited for.
    committing: Option<Instant>,
    hurried: bool,
}

/// Why partitions are given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// The group wants them back.
    Revoked,
    /// Another member may have them already.
    Lost,
    /// The service stops.
    Shutdown,
}

/// How far a revocation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Waiting for the shards to say what they have started.
    Pausing,
    /// Waiting for what runs, and for what must run before it.
    Draining,
    /// Waiting for the answer to this many commits.
    Committing {
        /// Commits answered since the start.
        until: u64,
    },
}

impl Revocation {
    /// Begins now and may take `time`.
    pub(super) fn new(
        why: Why,
        barrier: Arc<Barrier>,
        assignments: Vec<Arc<Assignment>>,
        now: Instant,
        time: Duration,
    ) -> Self {
        Self {
            assignments,
            why,
            deadline: now + time / 5 * 4,
            end: now + time,
            fill_until: now + time / 2,
            barrier,
            phase: Phase::Pausing,
            commit_again: None,
            committing: None,
            hurried: false,
        }
    }

    /// Whether another member may have them already.
    pub(super) fn is_lost(&self) -> bool {
        self.why == Why::Lost
    }

    /// Whether the service stops.
    pub(super) fn is_shutdown(&self) -> bool {
        self.why == Why::Shutdown
    }

    /// Lets nothing start any more.
    pub(super) fn close(&self) {
        for assignment in &self.assignments {
            assignment.fence(i64::MIN);
        }
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

    /// Whether the source is to be told now that the last commits of a shutdown are waited for. Once.
    pub(super) fn must_hurry(&mut self, now: Instant) -> bool {
        let since = *self.committing.get_or_insert(now);
        let due = self.is_shutdown() && now >= since + COMMIT_PATIENCE;
        due && !std::mem::replace(&mut self.hurried, true)
    }

    pub(super) fn contains(&self, assignment: &Assignment) -> bool {
        self.assignments.iter().any(|own| own.id() == assignment.id())
    }
}
