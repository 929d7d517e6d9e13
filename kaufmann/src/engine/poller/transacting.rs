//! Commits in transactions: what [`Round`] decides is done here, with the stage's messages and the partitions' offsets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::Poller;
use super::partition::Partition;
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
    /// Whether there was a transaction.
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

    /// When to look again.
    pub(super) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let inside = self.stage.look(now);
        if inside.torn {
            // However old it is, it waits for room in the publisher's queue, and nobody says when there is.
            return Some(now + FULL_QUEUE_PAUSE);
        }
        let enough = self.round.is_enough(inside.records, inside.full);
        self.round.wake_at(enough).filter(|_| inside.records > 0)
    }

    /// Whether something of these assignments is neither committed nor given up.
    pub(super) fn holds(&self, assignments: &[Arc<Assignment>]) -> bool {
        let is_one = |offset: &CommitOffset| assignments.iter().any(|own| own.id() == offset.assignment.id());
        self.under_way.iter().any(is_one) || self.stage.has(assignments)
    }

    /// These assignments have ended: what is left of them must not be committed any more.
    pub(super) fn forget(&self, assignments: &[Arc<Assignment>]) {
        self.stage.forget(assignments);
    }

    fn answer(&self) -> Answer {
        let mut owed = Owed(Some(Arc::clone(&self.answers)));
        Box::new(move |result| owed.give(result))
    }
}

/// An answer that was promised. If it is dropped instead of given, that is the answer: whoever should give it has ended, and one that waits
/// for it would wait forever.
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

impl<S: Source> Poller<S> {
    /// Takes the transactions as far as they go now; `false` if no other can be begun.
    pub(super) fn transact(&mut self, now: Instant) -> bool {
        let Some(mut own) = self.transacting.take() else {
            return true;
        };
        loop {
            let answer = own.answers.lock().pop_front();
            let step = match answer {
                Some(answer) => self.answered(&mut own, answer, now),
                None => {
                    let look = self.look(&own, now);
                    own.round.next(now, look)
                }
            };
            if step == Step::Nothing && answer_is_none(&own) {
                break;
            }
            self.perform(&mut own, step, now);
        }
        let ended = own.ended.take();
        let kind = if own.begun {
            ErrorKind::Publish
        } else {
            ErrorKind::Start
        };
        self.transacting = Some(own);
        if let Some(error) = ended {
            error!(%error, "there can be no more transactions; the service stops");
            self.control.fail(kind, error.to_string());
            return false;
        }
        true
    }

    fn look(&self, own: &Transacting, now: Instant) -> Look {
        let hurry = !self.revocations.is_empty();
        let inside = own.stage.look(now);
        // What is committed besides messages is looked for only when it could be committed.
        let news = own.round.is_due(now, hurry) && self.partitions.iter().any(Partition::has_news);
        Look {
            records: inside.records,
            full: inside.full,
            news,
            hurry,
            torn: inside.torn,
            doomed: inside.doomed,
        }
    }

    fn answered(
        &mut self,
        own: &mut Transacting,
        answer: Result<(), TransactionError>,
        now: Instant,
    ) -> Step {
        let offsets = std::mem::take(&mut own.under_way);
        if !offsets.is_empty() {
            let result = answer
                .clone()
                .map_err(|error| SourceError::new(error.to_string()));
            self.committed(&offsets, result, now);
            if answer.is_ok() {
                own.stage.committed();
            }
        }
        if answer.is_ok() && own.round.is_aborting() {
            own.stage.take_back(now);
        }
        let step = own
            .round
            .answered(now, answer.as_ref().copied().map_err(TransactionError::kind));
        match answer {
            Err(error) if step == Step::Nothing => own.ended = Some(error),
            Err(error) => own.stage.blame(error),
            Ok(()) => {}
        }
        step
    }

    fn perform(&mut self, own: &mut Transacting, step: Step, now: Instant) {
        match step {
            Step::Nothing => {}
            Step::Prepare => {
                info!("getting ready for transactions; nothing is read before");
                own.stage.transactions().prepare(own.answer());
            }
            Step::Begin => {
                own.begun = true;
                if let Err(error) = own.stage.begin(now) {
                    own.round.answered(now, Err(error.kind()));
                    own.ended = Some(error);
                }
            }
            Step::Commit => self.commit_transaction(own, now),
            Step::Abort => {
                own.stage.close();
                own.stage.transactions().abort(own.answer());
            }
        }
    }

    /// Nothing more enters the transaction; what has entered it is settled in the trackers, and nothing else that has messages.
    fn commit_transaction(&mut self, own: &mut Transacting, now: Instant) {
        if !own.stage.close() {
            // A record came after the look.
            own.stage.reopen();
            return own.round.postpone(now);
        }
        self.take_reports();
        let member = self.source.member();
        let offsets = self.offsets(|_| true);
        let unfit = self.partitions.iter().find(|partition| !partition.fits());
        match (member, unfit) {
            (Some(member), None) if !offsets.is_empty() => {
                own.under_way.clone_from(&offsets);
                own.stage.transactions().commit(offsets, member, own.answer());
            }
            (_, unfit) => {
                if let Some(partition) = unfit {
                    warn!(
                        partition = partition.describe_unsettled(),
                        "too much is settled ahead of what is not for one commit; waiting until less is"
                    );
                }
                let refused = SourceError::new("the commit was put off");
                self.committed(&offsets, Err(refused), now);
                own.stage.reopen();
                own.round.postpone(now);
            }
        }
    }
}

fn answer_is_none(own: &Transacting) -> bool {
    own.answers.lock().is_empty()
}
