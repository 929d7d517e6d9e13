//! How offsets are committed: as `delivery` sets it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::assigned::Assigned;
use super::partition::Partition;
use super::precommit::Precommit;
use super::requests::Requests;
use super::router::Router;
use super::transacting::Transacting;
use crate::assignment::Assignment;
use crate::base::error::ErrorKind;
use crate::config::{Config, Delivery};
use crate::engine::fence::Barrier;
use crate::publish::TransactionError;
use crate::source::{CommitOffset, Source, SourceError};

/// The commits of a poller.
pub(super) struct Commits {
    mode: Mode,
    requests: Requests,
}

/// When offsets are committed.
enum Mode {
    /// At least once: after their records are settled, every `commit_interval`.
    Settled { interval: Duration, due: Instant },
    /// Exactly once: after their records are settled, in a transaction with their messages.
    InTransactions(Transacting),
    /// At most once: before their records begin.
    BeforeHandling(Precommit),
}

impl Commits {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let interval = config.commit_interval;
        Self {
            mode: match config.delivery {
                Delivery::AtMostOnce => Mode::BeforeHandling(Precommit::new(config.max_in_flight.max(1))),
                // Exactly once until `in_transactions` replaces it.
                Delivery::AtLeastOnce | Delivery::ExactlyOnce => Mode::Settled {
                    interval,
                    due: now + interval,
                },
            },
            requests: Requests::new(config.commit_ahead),
        }
    }

    /// Commits in transactions from now on.
    pub(super) fn in_transactions(&mut self, transacting: Transacting) {
        self.requests.ahead = true;
        self.mode = Mode::InTransactions(transacting);
    }

    /// Whether offsets are committed before their records begin.
    pub(super) fn is_before_handling(&self) -> bool {
        matches!(self.mode, Mode::BeforeHandling(_))
    }

    /// A partition whose assignment begins. `patience`: how long its watermark may stand still before that is logged.
    pub(super) fn partition(&self, assignment: Arc<Assignment>, patience: Duration) -> Partition {
        match self.mode {
            Mode::InTransactions(_) => Partition::bounded(assignment, patience),
            Mode::Settled { .. } | Mode::BeforeHandling(_) => Partition::new(assignment, patience),
        }
    }

    /// How many more records may be read, if this many are unsettled.
    pub(super) fn window(&self, unsettled: usize) -> usize {
        match &self.mode {
            Mode::Settled { .. } => usize::MAX,
            Mode::InTransactions(transacting) if transacting.is_ready() => usize::MAX,
            Mode::InTransactions(_) => 0,
            Mode::BeforeHandling(precommit) => precommit.window(unsettled),
        }
    }

    /// Whether nothing more is read until one of these unsettled records is settled.
    pub(super) fn is_full(&self, unsettled: usize) -> bool {
        match &self.mode {
            Mode::BeforeHandling(precommit) => precommit.is_full(unsettled),
            Mode::Settled { .. } | Mode::InTransactions(_) => false,
        }
    }

    /// When there is something to commit; `None` if nothing waits for a time.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        match &self.mode {
            Mode::Settled { due, .. } => Some(*due),
            Mode::InTransactions(transacting) => transacting.wake_at(now),
            Mode::BeforeHandling(_) => None,
        }
    }

    /// Hands over to the shards what was read: at most once not before its commit succeeded.
    pub(super) fn hand_over(&mut self, assigned: &Assigned, router: &mut Router, now: Instant) {
        if let Mode::BeforeHandling(precommit) = &mut self.mode {
            precommit.hand_over(&self.requests, assigned, router, now);
        }
    }

    /// After reading: hands over what is not full, or requests the commit that must come first. `records` were read; `passed` tells
    /// whether offsets without a record were passed.
    pub(super) fn after_read<S: Source>(
        &mut self,
        (records, passed): (usize, bool),
        (source, assigned, router): (&mut S, &Assigned, &mut Router),
        now: Instant,
    ) {
        match &mut self.mode {
            Mode::BeforeHandling(precommit) => {
                precommit.request(&mut self.requests, assigned, source, records > 0 || passed, now);
            }
            _ if records == 0 => router.flush(),
            _ => {}
        }
    }

    /// Takes the transactions as far as they go now. `hurry`: partitions wait to be given back.
    ///
    /// # Errors
    ///
    /// If no other transaction can be begun.
    pub(super) fn transact<S: Source>(
        &mut self,
        source: &S,
        assigned: &mut Assigned,
        hurry: bool,
        now: Instant,
    ) -> Result<(), (ErrorKind, TransactionError)> {
        match &mut self.mode {
            Mode::InTransactions(transacting) => {
                transacting.advance(&mut self.requests, source, assigned, hurry, now)
            }
            Mode::Settled { .. } | Mode::BeforeHandling(_) => Ok(()),
        }
    }

    /// Commits what is settled if that is due.
    pub(super) fn commit_if_due<S: Source>(&mut self, source: &mut S, assigned: &mut Assigned, now: Instant) {
        if let Mode::Settled { interval, due } = &mut self.mode
            && now >= *due
        {
            *due = now + *interval;
            self.commit(source, assigned, |_| true);
        }
    }

    /// Commits what is settled of the partitions that `which` picks, where it is new. Only at least once: the others have commits of
    /// their own. Returns how many commits must be answered until this one is.
    pub(super) fn commit<S: Source>(
        &mut self,
        source: &mut S,
        assigned: &mut Assigned,
        which: impl Fn(&Assignment) -> bool,
    ) -> u64 {
        if !self.is_settled() {
            return 0;
        }
        let offsets = self.requests.offsets(assigned, which);
        if !offsets.is_empty() {
            self.requests.send(source, offsets);
        }
        self.requests.sent
    }

    /// Whether the source's own commits are what is waited for at the end.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.mode, Mode::Settled { .. })
    }

    /// Whether the commit before records begin is waited for.
    pub(super) fn is_requested(&self) -> bool {
        matches!(&self.mode, Mode::BeforeHandling(precommit) if precommit.is_requested())
    }

    /// How many commits were answered.
    pub(super) fn answered(&self) -> u64 {
        self.requests.answered
    }

    /// A commit of the source was answered.
    pub(super) fn take_answer(
        &mut self,
        assigned: &mut Assigned,
        offsets: &[CommitOffset],
        result: Result<(), SourceError>,
        now: Instant,
    ) {
        self.requests.take_answer(assigned, offsets, result, now);
    }

    /// The offset up to which records of an assignment that ends may still begin.
    pub(super) fn limit(&self, own: Option<&Partition>, assignment: &Assignment, barrier: &Barrier) -> i64 {
        if self.is_before_handling() {
            // Whatever is committed, because nobody else will begin it.
            own.and_then(Partition::committed_offset)
                .map_or(i64::MIN, |offset| offset - 1)
        } else {
            barrier.limit(assignment, own.and_then(Partition::highest_settled))
        }
    }

    /// Whether something of these assignments is settled, can be committed, and is not known to be.
    pub(super) fn is_dirty(&self, assigned: &Assigned, assignments: &[Arc<Assignment>]) -> bool {
        let is_one = |partition: &&Partition| {
            let id = partition.assignment.id();
            assignments.iter().any(|own| own.id() == id)
        };
        let mut own = assigned.partitions.iter().filter(is_one);
        match &self.mode {
            Mode::Settled { .. } => own.any(|own| own.is_dirty(self.requests.ahead)),
            Mode::InTransactions(transacting) => {
                transacting.holds(assignments) || own.any(|own| own.is_dirty(true))
            }
            Mode::BeforeHandling(_) => false,
        }
    }

    /// These assignments have ended: nothing of them may be committed any more.
    pub(super) fn forget(&self, assignments: &[Arc<Assignment>]) {
        if let Mode::InTransactions(transacting) = &self.mode {
            transacting.forget(assignments);
        }
    }
}
