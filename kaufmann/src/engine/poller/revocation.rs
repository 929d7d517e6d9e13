//! Partitions that are given back: pause → fence → drain → commit → release.
//!
//! A [`Revocation`] is the state machine of that; [`Revocation::advance`] takes it as far as it goes now, and never waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::Poller;
use super::partition::Partition;
use super::precommit::log_lost;
use crate::assignment::Assignment;
use crate::engine::fence::Barrier;
use crate::engine::shard::Command;
use crate::source::Source;

/// How long to wait before a last commit is sent again.
const COMMIT_PAUSE: Duration = Duration::from_millis(20);
/// How long the last commits of a shutdown are waited for before `Source::hurry` is called.
const COMMIT_PATIENCE: Duration = Duration::from_secs(1);

/// Partitions that are given back; all of them when the service stops.
#[derive(Debug)]
pub(super) struct Revocation {
    assignments: Vec<Arc<Assignment>>,
    why: Why,
    /// Until when gaps are filled: after that no record begins any more, and those in flight have the rest of the time.
    fill_until: Instant,
    /// When handlers that still run are cancelled.
    deadline: Instant,
    /// When the last commit is no longer waited for.
    end: Instant,
    phase: Phase,
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
#[derive(Clone, Debug)]
enum Phase {
    /// Waiting for the shards to report what they have started.
    Pausing(Arc<Barrier>),
    /// Waiting for records in flight, and for those that must be handled before them.
    Draining,
    /// Waiting for the last commits.
    Committing(Committing),
}

/// The last commits.
#[derive(Clone, Copy, Debug)]
struct Committing {
    /// How many commits must be answered.
    until: u64,
    since: Instant,
    /// When one that was refused is sent again.
    again: Option<Instant>,
    hurried: bool,
}

impl Revocation {
    /// Begins to give partitions back within `time`: nothing more of them is read, and the shards report what they have started.
    pub(super) fn begin<S: Source>(
        poller: &mut Poller<S>,
        why: Why,
        assignments: Vec<Arc<Assignment>>,
        now: Instant,
        time: Duration,
    ) -> Self {
        for assignment in &assignments {
            if let Some(partition) = poller.assigned.find(assignment.id()) {
                partition.ending = true;
                partition.lost |= why == Why::Lost;
            }
        }
        let waker = poller.assigned.settlements.waker();
        let barrier = Barrier::new(&assignments, poller.router.shards(), waker);
        let revocation = Self {
            assignments,
            why,
            fill_until: now + time / 2,
            deadline: now + time / 5 * 4,
            end: now + time,
            phase: Phase::Pausing(Arc::clone(&barrier)),
        };
        if why == Why::Lost {
            revocation.close();
        }
        if !poller.commits.is_before_handling() {
            // Records that were read go before the command, so that none is overlooked.
            poller.router.flush();
        }
        poller.router.tell(|| Command::Pause(Arc::clone(&barrier)));
        revocation
    }

    /// Goes as far as it can now; `true` if it is over.
    pub(super) fn advance<S: Source>(&mut self, poller: &mut Poller<S>, now: Instant) -> bool {
        if let Phase::Pausing(barrier) = &self.phase {
            if !self.fence(poller, &Arc::clone(barrier), now) {
                return false;
            }
            self.phase = Phase::Draining;
        }
        if let Phase::Draining = self.phase {
            if !self.drain(poller, now) {
                return false;
            }
            self.phase = Phase::Committing(Committing {
                until: self.commit(poller),
                since: now,
                again: None,
                hurried: false,
            });
        }
        if let Phase::Committing(mut committing) = self.phase {
            let is_over = self.wait_for_commits(poller, &mut committing, now);
            self.phase = Phase::Committing(committing);
            if !is_over {
                return false;
            }
        }
        self.release(poller);
        true
    }

    /// Sets the limits of the assignments when all shards have reported what they have started; `false` if they have not. A shard that
    /// is busy in a handler that never yields is waited for only as long as gaps are filled.
    fn fence<S: Source>(&self, poller: &mut Poller<S>, barrier: &Barrier, now: Instant) -> bool {
        if barrier.is_complete() && !poller.commits.is_requested() {
            // The shards have sent their reports before they answered.
            poller.assigned.take_reports();
            for assignment in &self.assignments {
                let own = poller.assigned.find(assignment.id());
                assignment.fence(poller.commits.limit(own.as_deref(), assignment, barrier));
            }
        } else if now >= self.fill_until {
            self.close();
        } else {
            return false;
        }
        poller.router.tell(|| Command::Resume);
        true
    }

    /// Waits until what was started is finished, or the deadline is over; `false` if neither is so.
    fn drain<S: Source>(&self, poller: &mut Poller<S>, now: Instant) -> bool {
        let unfinished =
            |partition: &&Partition| self.contains(&partition.assignment) && !partition.is_drained();
        let mut left = poller.assigned.partitions.iter().filter(unfinished).peekable();
        if left.peek().is_none() {
            return true;
        }
        if now >= self.fill_until && self.assignments.iter().any(|own| own.admits(0)) {
            self.close();
            poller.router.tell(|| Command::Fenced);
        }
        if now < self.deadline {
            return false;
        }
        poller.drained &= !poller.stopping;
        if !poller.commits.is_before_handling() {
            let partitions: Vec<_> = left.map(Partition::describe_unsettled).collect();
            warn!(
                partitions = partitions.join(", "),
                "not finished in time; these records will be handled again"
            );
        }
        self.assignments.iter().for_each(|assignment| assignment.cancel());
        true
    }

    /// Sends the last commit. Returns how many commits must be answered until it is.
    fn commit<S: Source>(&self, poller: &mut Poller<S>) -> u64 {
        if self.why == Why::Lost {
            return 0;
        }
        poller
            .commits
            .commit(&mut poller.source, &mut poller.assigned, |assignment| {
                self.contains(assignment)
            })
    }

    /// Waits for the last commits, and sends again what was refused; `true` if they are answered, or the time is over.
    fn wait_for_commits<S: Source>(
        &self,
        poller: &mut Poller<S>,
        committing: &mut Committing,
        now: Instant,
    ) -> bool {
        let is_settled = poller.commits.is_settled();
        let is_slow = self.why == Why::Shutdown && now >= committing.since + COMMIT_PATIENCE;
        if is_settled && is_slow && !std::mem::replace(&mut committing.hurried, true) {
            poller.source.hurry();
        }
        if poller.commits.answered() < committing.until && now < self.end {
            return false;
        }
        let dirty = poller.commits.is_dirty(&poller.assigned, &self.assignments);
        if dirty && self.why != Why::Lost && now < self.end {
            // Not at once: a group that is being rebalanced refuses commits for a while.
            let again = *committing.again.get_or_insert(now + COMMIT_PAUSE);
            if is_settled && again <= now {
                committing.again = None;
                committing.until = self.commit(poller);
            }
            return false;
        }
        poller.drained &= !(dirty && poller.stopping);
        true
    }

    fn release<S: Source>(&self, poller: &mut Poller<S>) {
        if poller.commits.is_before_handling() {
            log_lost(&poller.assigned, |assignment| self.contains(assignment));
        }
        if self.why == Why::Shutdown {
            return;
        }
        poller.assigned.remove(|assignment| self.contains(assignment));
        poller.commits.forget(&self.assignments);
        poller.source.release(&self.assignments);
    }

    /// Lets no record begin any more.
    fn close(&self) {
        for assignment in &self.assignments {
            assignment.fence(i64::MIN);
        }
    }

    fn contains(&self, assignment: &Assignment) -> bool {
        self.assignments.iter().any(|own| own.id() == assignment.id())
    }
}
