//! What records lead to, on its way through transactions: a record's messages enter one together, in the order in which the
//! records end, and stay here until it is committed. If it is aborted, they go into the next one; no handler runs again for
//! that.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;

use crate::assignment::Assignment;
use crate::config::Config;
use crate::publish::room::Room;
use crate::publish::{
    Delivered, Message, PublishError, PublishErrorKind, Publisher, Rejected, TransactionError, Transactions,
    letter,
};
use crate::record::Record;
use crate::settle::{Report, Settlements};

/// The messages of records, until they are committed.
pub(crate) struct Stage {
    publisher: Arc<dyn Publisher>,
    settlements: Arc<Settlements>,
    /// For the messages that are here.
    room: Room,
    max_records: usize,
    dead_letter_topic: Arc<str>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Whether messages may be sent.
    open: bool,
    /// Whether what was sent must not be committed.
    doomed: bool,
    /// What is in the transaction, in its order.
    inside: Vec<Unit>,
    /// What goes into the next one, in its order.
    waiting: VecDeque<Unit>,
    refusals: Arc<Refusals>,
}

/// What one record leads to.
struct Unit {
    assignment: Arc<Assignment>,
    lane: u64,
    offset: i64,
    messages: Vec<Message>,
    /// How many of them are sent.
    sent: usize,
    /// Told once, when it enters a transaction for the first time.
    report: Option<Report>,
    delivered: Delivered,
    /// How much room it has taken.
    share: usize,
    /// How often a message of it was refused.
    refused: u32,
}

/// Messages of one transaction that the broker did not take.
#[derive(Default)]
struct Refusals {
    any: AtomicBool,
    list: Mutex<Vec<Refusal>>,
}

/// A message that was refused: of which record, which one, and why.
struct Refusal {
    assignment: u64,
    offset: i64,
    message: usize,
    error: PublishError,
}

/// What is in the transaction.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Inside {
    /// Records.
    pub(crate) records: usize,
    /// Whether somebody waits for the room that what is here takes.
    pub(crate) full: bool,
    /// Whether the last one's messages are not all sent.
    pub(crate) torn: bool,
    /// Whether it must not be committed.
    pub(crate) doomed: bool,
}

impl Stage {
    /// `None` if the publisher has no transactions.
    pub(crate) fn new(
        config: &Config,
        publisher: Arc<dyn Publisher>,
        settlements: Arc<Settlements>,
    ) -> Option<Arc<Self>> {
        publisher.transactions()?;
        Some(Arc::new(Self {
            publisher,
            settlements,
            room: Room::new(config.publish.max_outstanding),
            max_records: config.exactly_once.max_records,
            dead_letter_topic: config.dead_letter_topic().into(),
            inner: Mutex::default(),
        }))
    }

    /// Takes what a record leads to; `delivered` is called when it is committed. Waits while too many messages are here.
    pub(crate) async fn put(&self, cause: &Record, messages: Vec<Message>, delivered: Delivered) {
        // Room comes with a commit, so whoever commits must know.
        let needed = || self.settlements.waker().wake();
        let share = self.room.take(messages.len(), needed).await;
        let unit = Unit {
            assignment: Arc::clone(cause.assignment()),
            lane: cause.lane(),
            offset: cause.offset(),
            messages,
            sent: 0,
            report: Some(Report::settled(cause).without_bytes()),
            delivered,
            share,
            refused: 0,
        };
        let mut inner = self.inner();
        // Asked with the lock: whoever ends an assignment cancels it first, and then looks for what is left of it.
        if unit.assignment.cancelled().is_cancelled() {
            drop(inner);
            self.room.give_back(share);
            return (unit.delivered)(false);
        }
        let before = inner.inside.len();
        inner.waiting.push_back(unit);
        self.pump(&mut inner);
        let now = inner.inside.len();
        let enough = before < self.max_records && now >= self.max_records;
        if (before == 0 && now > 0) || enough || (now > before && self.room.is_needed()) {
            // Whoever commits may have been waiting for something to commit, for enough of it, or for all that there is room for.
            self.settlements.waker().wake();
        }
    }

    /// Begins a transaction, and sends what waits.
    pub(crate) fn begin(&self) -> Result<(), TransactionError> {
        self.transactions().begin()?;
        let mut inner = self.inner();
        inner.open = true;
        inner.doomed = false;
        inner.refusals = Arc::default();
        self.pump(&mut inner);
        Ok(())
    }

    /// Goes on sending where the publisher's queue was full, and says what is in the transaction.
    pub(crate) fn look(&self) -> Inside {
        let mut inner = self.inner();
        self.pump(&mut inner);
        Inside {
            records: inner.inside.len(),
            full: self.room.is_needed(),
            torn: inner.is_torn(),
            doomed: inner.doomed || inner.refusals.any.load(Ordering::Acquire),
        }
    }

    /// Sends nothing more; `false` if a part of a record's messages is missing, so that this must not be committed.
    pub(crate) fn close(&self) -> bool {
        let mut inner = self.inner();
        inner.open = false;
        !inner.is_torn()
    }

    /// The transaction goes on after all.
    pub(crate) fn reopen(&self) {
        let mut inner = self.inner();
        inner.open = true;
        self.pump(&mut inner);
    }

    /// The transaction is committed.
    pub(crate) fn committed(&self) {
        let units = std::mem::take(&mut self.inner().inside);
        for unit in units {
            self.room.give_back(unit.share);
            (unit.delivered)(true);
        }
    }

    /// The transaction is to be aborted: what was in it goes into the next one, before all else. Says which messages were
    /// refused.
    pub(crate) fn take_back(&self) {
        let mut inner = self.inner();
        inner.open = false;
        let refusals = std::mem::take(&mut inner.refusals);
        let mut units = std::mem::take(&mut inner.inside);
        for refusal in &*lock(&refusals.list) {
            refusal.apply(&mut units, &self.dead_letter_topic);
        }
        for mut unit in units.into_iter().rev() {
            unit.sent = 0;
            inner.waiting.push_front(unit);
        }
    }

    /// Drops what belongs to assignments that have ended: it must not be committed.
    pub(crate) fn forget(&self, assignments: &[Arc<Assignment>]) {
        let ends = |unit: &Unit| unit.is_of(assignments);
        let mut inner = self.inner();
        let inside: Vec<Unit> = inner.inside.extract_if(.., |unit| ends(unit)).collect();
        inner.doomed |= !inside.is_empty();
        let (left, waiting): (VecDeque<_>, VecDeque<_>) =
            inner.waiting.drain(..).partition(|unit| !ends(unit));
        inner.waiting = left;
        drop(inner);
        let share = inside.iter().chain(&waiting).map(|unit| unit.share).sum();
        self.room.give_back(share);
    }

    /// Whether something of these assignments is not committed.
    pub(crate) fn has(&self, assignments: &[Arc<Assignment>]) -> bool {
        let inner = self.inner();
        let mut all = inner.inside.iter().chain(&inner.waiting);
        all.any(|unit| unit.is_of(assignments))
    }

    /// The publisher's transactions.
    pub(crate) fn transactions(&self) -> &dyn Transactions {
        self.publisher.transactions().expect("`new` has looked for them")
    }

    /// Sends what waits, as far as the publisher takes it.
    fn pump(&self, inner: &mut Inner) {
        while inner.open {
            let refusals = Arc::clone(&inner.refusals);
            match inner.inside.last_mut().filter(|unit| unit.is_torn()) {
                Some(unit) => {
                    if !unit.send(&*self.publisher, &refusals) {
                        return;
                    }
                }
                None => {
                    let Some(mut unit) = inner.waiting.pop_front() else {
                        return;
                    };
                    if let Some(report) = unit.report.take() {
                        let in_turn = unit.assignment.in_turn();
                        in_turn.settle(unit.lane, report, &self.settlements);
                    }
                    inner.inside.push(unit);
                }
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn is_torn(&self) -> bool {
        self.inside.last().is_some_and(Unit::is_torn)
    }
}

impl Unit {
    fn is_torn(&self) -> bool {
        self.sent < self.messages.len()
    }

    fn is_of(&self, assignments: &[Arc<Assignment>]) -> bool {
        assignments.iter().any(|own| own.id() == self.assignment.id())
    }

    /// Sends what is left; `false` if the publisher's queue is full.
    fn send(&mut self, publisher: &dyn Publisher, refusals: &Arc<Refusals>) -> bool {
        while let Some(message) = self.messages.get(self.sent) {
            let (assignment, offset, number) = (self.assignment.id(), self.offset, self.sent);
            let refusals = Arc::clone(refusals);
            let done = Box::new(move |result: Result<(), super::Undelivered>| {
                if let Err(undelivered) = result {
                    refusals.note(Refusal {
                        assignment,
                        offset,
                        message: number,
                        error: undelivered.error,
                    });
                }
            });
            if let Err(Rejected { .. }) = publisher.send(message.clone(), done) {
                return false;
            }
            self.sent += 1;
        }
        true
    }
}

impl Refusals {
    /// What is too large is kept each; of the rest, which usually only follows from it, the first.
    fn note(&self, refusal: Refusal) {
        let mut list = lock(&self.list);
        if list.is_empty() || refusal.error.kind() == PublishErrorKind::TooLarge {
            list.push(refusal);
        }
        self.any.store(true, Ordering::Release);
    }
}

impl Refusal {
    /// Says it, and shortens what may be.
    fn apply(&self, units: &mut [Unit], dead_letter_topic: &Arc<str>) {
        let own = |unit: &&mut Unit| unit.assignment.id() == self.assignment && unit.offset == self.offset;
        let Some(unit) = units.iter_mut().find(own) else {
            return;
        };
        unit.refused += 1;
        let Some(message) = unit.messages.get_mut(self.message) else {
            return;
        };
        let source = format!(
            "{}/{}@{}",
            unit.assignment.topic(),
            unit.assignment.partition(),
            unit.offset
        );
        warn!(
            error = %self.error,
            topic = &*message.topic,
            source,
            refusals = unit.refused,
            "a message was refused: its transaction is aborted, and sent again until it is taken"
        );
        message.placement = message.placement.after_refusal();
        if self.error.kind() == PublishErrorKind::TooLarge
            && let Some(letter) = letter::undelayed(message, unit.refused, dead_letter_topic)
        {
            warn!(
                topic = &*message.topic,
                source, "a record is larger than its retry topic takes; it is a dead letter instead"
            );
            *message = letter;
        } else if self.error.kind() == PublishErrorKind::TooLarge
            && let Some(shorter) = letter::cut(message, unit.refused)
        {
            warn!(
                topic = &*message.topic,
                source, "a dead letter is larger than its topic takes; it is written shortened, and says so"
            );
            *message = shorter;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}
