//! Commits in transactions: does what [`Round`] decides, with the stage's messages and the partitions' offsets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::assigned::Assigned;
use super::partition::Partition;
use super::requests::Requests;
use crate::assignment::Assignment;
use crate::base::error::ErrorKind;
use crate::config::Config;
use crate::engine::round::{Look, Round, Step};
use crate::publish::{Answer, Stage, TransactionError, TransactionErrorKind};
use crate::source::{CommitOffset, Source, SourceError, Waker};

/// How long to wait before a full queue is tried again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// The transactions of one instance.
pub(crate) struct Transacting {
    round: Round,
    stage: Arc<Stage>,
    answers: Arc<Answers>,
    /// The offsets of the commit that is under way.
    under_way: Vec<CommitOffset>,
    /// Whether a transaction was begun.
    begun: bool,
    /// Why no other transaction can be begun.
    ended: Option<TransactionError>,
}

/// Answers that came from other threads.
struct Answers {
    arrived: Mutex<VecDeque<Result<(), TransactionError>>>,
    waker: Waker,
}

impl Transacting {
    pub(crate) fn new(config: &Config, stage: Arc<Stage>, waker: Waker, now: Instant) -> Self {
        let own = &config.exactly_once;
        Self {
            round: Round::new(own.max_records, own.interval, now),
            stage,
            answers: Arc::new(Answers {
                arrived: Mutex::default(),
                waker,
            }),
            under_way: Vec::new(),
            begun: false,
            ended: None,
        }
    }

    /// Whether transactions can be begun.
    pub(super) fn is_ready(&self) -> bool {
        self.round.is_ready()
    }

    /// When to look again; `None` if nothing waits for a time.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let inside = self.stage.look(now);
        if inside.torn {
            // However old it is, it waits for room in the publisher's queue, and nothing wakes us when there is some.
            return Some(now + FULL_QUEUE_PAUSE);
        }
        let enough = self.round.is_enough(inside.records, inside.full);
        self.round.wake_at(enough).filter(|_| inside.records > 0)
    }

    /// Whether messages or offsets of these assignments are neither committed nor given up.
    pub(super) fn holds(&self, assignments: &[Arc<Assignment>]) -> bool {
        let is_one = |offset: &CommitOffset| assignments.iter().any(|own| own.id() == offset.assignment.id());
        self.under_way.iter().any(is_one) || self.stage.has(assignments)
    }

    /// These assignments have ended: nothing of them may be committed any more.
    pub(super) fn forget(&self, assignments: &[Arc<Assignment>]) {
        self.stage.forget(assignments);
    }

    fn answer(&self) -> Answer {
        let mut owed = Owed(Some(Arc::clone(&self.answers)));
        Box::new(move |result| owed.give(result))
    }
}

/// An answer that is owed. If it is dropped instead of given, the answer is an error: its thread has ended, and the poller would wait for
/// it for ever.
struct Owed(Option<Arc<Answers>>);

impl Owed {
    fn give(&mut self, result: Result<(), TransactionError>) {
        if let Some(answers) = self.0.take() {
            answers.lock().push_back(result);
            answers.waker.wake();
        }
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let ended = "the publisher's transactions ended without an answer: their thread panicked";
        self.give(Err(TransactionError::new(TransactionErrorKind::Ended, ended)));
    }
}

impl Answers {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Result<(), TransactionError>>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transacting {
    /// Takes the transactions as far as they go now. `hurry`: partitions wait to be given back.
    ///
    /// # Errors
    ///
    /// If no other transaction can be begun.
    pub(super) fn advance<S: Source>(
        &mut self,
        requests: &mut Requests,
        source: &S,
        assigned: &mut Assigned,
        hurry: bool,
        now: Instant,
    ) -> Result<(), (ErrorKind, TransactionError)> {
        loop {
            let answer = self.answers.lock().pop_front();
            let step = match answer {
                Some(answer) => self.take_answer(requests, assigned, answer, now),
                None => {
                    let look = self.look(assigned, hurry, now);
                    self.round.next(now, look)
                }
            };
            if step == Step::Nothing && self.answers.lock().is_empty() {
                break;
            }
            self.perform(step, requests, source, assigned, now);
        }
        let kind = if self.begun {
            ErrorKind::Publish
        } else {
            ErrorKind::Start
        };
        self.ended.take().map_or(Ok(()), |error| Err((kind, error)))
    }

    fn look(&self, assigned: &Assigned, hurry: bool, now: Instant) -> Look {
        let inside = self.stage.look(now);
        // Offsets without messages are looked for only when they could be committed.
        let news = self.round.is_due(now, hurry) && assigned.partitions.iter().any(Partition::has_news);
        Look {
            records: inside.records,
            full: inside.full,
            news,
            hurry,
            torn: inside.torn,
            doomed: inside.doomed,
        }
    }

    fn take_answer(
        &mut self,
        requests: &mut Requests,
        assigned: &mut Assigned,
        answer: Result<(), TransactionError>,
        now: Instant,
    ) -> Step {
        let offsets = std::mem::take(&mut self.under_way);
        if !offsets.is_empty() {
            let result = answer
                .clone()
                .map_err(|error| SourceError::new(error.to_string()));
            requests.take_answer(assigned, &offsets, result, now);
            if answer.is_ok() {
                self.stage.committed();
            }
        }
        if answer.is_ok() && self.round.is_aborting() {
            self.stage.take_back(now);
        }
        let step = self
            .round
            .answered(now, answer.as_ref().copied().map_err(TransactionError::kind));
        match answer {
            Err(error) if step == Step::Nothing => self.ended = Some(error),
            Err(error) => self.stage.blame(error),
            Ok(()) => {}
        }
        step
    }

    fn perform<S: Source>(
        &mut self,
        step: Step,
        requests: &mut Requests,
        source: &S,
        assigned: &mut Assigned,
        now: Instant,
    ) {
        match step {
            Step::Nothing => {}
            Step::Prepare => {
                info!("getting ready for transactions; nothing is read before");
                self.stage.transactions().prepare(self.answer());
            }
            Step::Begin => {
                self.begun = true;
                if let Err(error) = self.stage.begin(now) {
                    self.round.answered(now, Err(error.kind()));
                    self.ended = Some(error);
                }
            }
            Step::Commit => self.commit(requests, source, assigned, now),
            Step::Abort => {
                self.stage.close();
                self.stage.transactions().abort(self.answer());
            }
        }
    }

    /// Commits the transaction. Records whose messages are in it are settled in the trackers, and no other that has messages.
    fn commit<S: Source>(
        &mut self,
        requests: &mut Requests,
        source: &S,
        assigned: &mut Assigned,
        now: Instant,
    ) {
        if !self.stage.close() {
            // A record came after the look.
            self.stage.reopen();
            return self.round.postpone(now);
        }
        assigned.take_reports();
        let member = source.member();
        let offsets = requests.offsets(assigned, |_| true);
        let unfit = assigned.partitions.iter().find(|partition| !partition.fits());
        match (member, unfit) {
            (Some(member), None) if !offsets.is_empty() => {
                self.under_way.clone_from(&offsets);
                self.stage.transactions().commit(offsets, member, self.answer());
            }
            (_, unfit) => {
                if let Some(partition) = unfit {
                    warn!(
                        partition = partition.describe_unsettled(),
                        "too many records were settled out of order: the list does not fit into the commit's metadata; committing when the oldest is settled"
                    );
                }
                let postponed = SourceError::new("the commit was postponed");
                requests.take_answer(assigned, &offsets, Err(postponed), now);
                self.stage.reopen();
                self.round.postpone(now);
            }
        }
    }
}
