//! The messages of records, on their way through transactions. A record's messages enter one together, in the order in which the
//! records end, and stay here until it is committed. If it is aborted, they go into the next one; no handler runs again.
//! Records whose messages a topic refuses are set aside with those that must wait for them, so that the rest can be committed.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::assignment::Assignment;
use crate::assignment::{Report, Settlements};
use crate::config::back_off::back_off;
use crate::config::{Config, RetryConfig};
use crate::publish::capacity::Capacity;
use crate::publish::complaints::Complaints;
use crate::publish::set_aside::SetAside;
use crate::publish::{
    Delivered, Message, PublishError, PublishErrorKind, Publisher, TransactionError, TransactionErrorKind,
    Transactions, dead_letter,
};
use crate::record::Record;

mod unit;

use unit::{Refusal, Refusals, Unit};

/// How often a transaction that cannot be committed yet is checked for whether it must be aborted.
const CHECK: Duration = Duration::from_millis(100);

/// The messages of records, until they are committed.
pub(crate) struct Stage {
    publisher: Arc<dyn Publisher>,
    settlements: Arc<Settlements>,
    /// For the messages in the stage.
    capacity: Capacity,
    max_records: usize,
    retry: RetryConfig,
    dead_letter_topic: Arc<str>,
    complaints: Complaints,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Whether messages may be sent.
    open: bool,
    /// Whether what was sent must not be committed.
    doomed: bool,
    /// Why the transaction must be aborted, if a sent message is the reason and the broker did not report which one.
    blamed: Option<TransactionError>,
    /// When the transaction was last checked for whether it must be aborted.
    checked: Option<Instant>,
    /// The units in the transaction. All lists of units have the order of their numbers.
    inside: Vec<Unit>,
    /// The units of the next transaction.
    waiting: VecDeque<Unit>,
    /// The units that were refused, and those that wait for them.
    aside: SetAside<Unit>,
    /// In a trial, a transaction of units that were set aside: those that have not entered it yet.
    trial: Option<VecDeque<Unit>>,
    /// Trials that failed since the last one that succeeded.
    failed_trials: u32,
    /// Whether no waiting unit may be older than those that are set aside.
    caught_up: bool,
    /// Whether the last transaction was a trial.
    after_trial: bool,
    /// The number of units so far.
    units: u64,
    refusals: Arc<Refusals>,
}

/// The state of the transaction.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Inside {
    /// The number of records in it.
    pub(crate) records: usize,
    /// Whether a record waits for the capacity that these take.
    pub(crate) full: bool,
    /// Whether some messages of the last record are not sent yet.
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
            capacity: Capacity::new(config.publish.max_outstanding),
            max_records: config.exactly_once.max_records,
            retry: config.retry.clone(),
            dead_letter_topic: config.dead_letter_topic().into(),
            complaints: Complaints::default(),
            inner: Mutex::default(),
        }))
    }

    /// Adds the messages of a record; `delivered` is called when they are committed. Waits while there are too many messages.
    pub(crate) async fn put(&self, cause: &Record, messages: Vec<Message>, delivered: Delivered) {
        // Only a commit frees capacity, so the poller must know.
        let needed = || self.settlements.waker().wake();
        let share = self.capacity.take(messages.len(), needed).await;
        let mut unit = Unit {
            number: 0,
            assignment: Arc::clone(cause.assignment()),
            lane: cause.lane(),
            offset: cause.offset(),
            messages,
            sent: 0,
            report: Report::settled(cause).without_bytes(),
            delivered,
            share,
            refused: 0,
            refused_by: None,
        };
        let mut inner = self.inner();
        // Checked under the lock: the end of an assignment cancels it first, and then removes its units.
        if unit.assignment.cancelled().is_cancelled() {
            drop(inner);
            self.capacity.give_back(share);
            return (unit.delivered)(false);
        }
        let before = inner.inside.len();
        unit.number = inner.units;
        inner.units += 1;
        inner.waiting.push_back(unit);
        self.pump(&mut inner);
        let now = inner.inside.len();
        let enough = before < self.max_records && now >= self.max_records;
        if (before == 0 && now > 0) || enough || (now > before && self.capacity.is_needed()) {
            // The poller may have been waiting for something to commit, for enough of it, or for the capacity to be used up.
            self.settlements.waker().wake();
        }
    }

    /// Begins a transaction, and sends what waits; or what was set aside, if a trial is due.
    pub(crate) fn begin(&self, now: Instant) -> Result<(), TransactionError> {
        self.transactions().begin()?;
        let mut inner = self.inner();
        inner.open = true;
        inner.doomed = false;
        inner.refusals = Arc::default();
        let waits = !inner.waiting.is_empty();
        if !waits || (inner.caught_up && !inner.after_trial) {
            inner.try_again(now);
        }
        self.pump(&mut inner);
        Ok(())
    }

    /// Continues sending if the publisher's queue was full, and returns the state of the transaction.
    pub(crate) fn look(&self, now: Instant) -> Inside {
        let mut inner = self.inner();
        if inner.is_idle() {
            inner.try_again(now);
        }
        self.pump(&mut inner);
        self.check(&mut inner, now);
        Inside {
            records: inner.inside.len(),
            // A trial does not wait for more records.
            full: self.capacity.is_needed() || inner.trial.is_some(),
            torn: inner.is_torn(),
            doomed: inner.doomed || inner.refusals.any.load(Ordering::Acquire),
        }
    }

    /// Stops sending. Returns `false` if a part of a record's messages is not sent, so that the transaction must not be committed.
    pub(crate) fn close(&self) -> bool {
        let mut inner = self.inner();
        inner.open = false;
        !inner.is_torn()
    }

    /// Continues a closed transaction.
    pub(crate) fn reopen(&self) {
        let mut inner = self.inner();
        inner.open = true;
        self.pump(&mut inner);
    }

    /// Notes that the transaction is committed.
    pub(crate) fn committed(&self) {
        let mut inner = self.inner();
        let units = std::mem::take(&mut inner.inside);
        inner.caught_up = true;
        inner.after_trial = inner.trial.take().is_some();
        if inner.after_trial {
            inner.failed_trials = 0;
            let free = inner.aside.succeeded();
            inner.requeue(free);
            let topics = units.iter().filter_map(|unit| unit.refused_by.as_ref());
            for (topic, _) in topics.filter(|(topic, _)| inner.aside.is_clear(topic)) {
                self.complaints.is_over(topic);
            }
        }
        drop(inner);
        for unit in units {
            self.capacity.give_back(unit.share);
            (unit.delivered)(true);
        }
    }

    /// Notes why the transaction cannot be committed.
    pub(crate) fn blame(&self, error: TransactionError) {
        self.inner().blame(error);
    }

    /// Notes that the transaction is aborted: its units go into the next one, except those that were refused and those that wait for them.
    pub(crate) fn take_back(&self, now: Instant) {
        let mut inner = self.inner();
        let blamed = inner.blamed.take();
        inner.open = false;
        let refusals = std::mem::take(&mut *lock(&inner.refusals.list));
        let mut units = std::mem::take(&mut inner.inside);
        let trial = inner.trial.take();
        let is_trial = trial.is_some();
        for unit in &units {
            let in_turn = unit.assignment.in_turn();
            in_turn.take_back(unit.lane, unit.report, &self.settlements);
        }
        let culprits = self.culprits(&mut units, &refusals, blamed.as_ref(), now);
        let mut free = Vec::new();
        for mut unit in units.into_iter().chain(trial.into_iter().flatten()) {
            unit.sent = 0;
            if culprits.contains(&unit.number) || is_trial {
                // A unit that was in a trial only together with a culprit needs no back-off.
                let refused = if culprits.contains(&unit.number) {
                    unit.refused
                } else {
                    0
                };
                inner.aside.put(unit, now + self.back_off(refused));
            } else if inner.aside.holds(&unit) {
                inner.aside.put_behind(unit);
            } else {
                free.push(unit);
            }
        }
        inner.requeue(free);
        inner.after_trial = is_trial;
        if is_trial {
            inner.failed_trials = inner.failed_trials.saturating_add(1);
            let pause = self.back_off(inner.failed_trials);
            let free = inner.aside.failed(now + pause);
            inner.requeue(free);
        } else {
            inner.caught_up = false;
            let free = inner.aside.release();
            inner.requeue(free);
        }
    }

    /// Drops the units of assignments that have ended: they must not be committed.
    pub(crate) fn forget(&self, assignments: &[Arc<Assignment>]) {
        let ends = |unit: &Unit| unit.is_of(assignments);
        let mut inner = self.inner();
        let mut gone: Vec<Unit> = inner.inside.extract_if(.., |unit| ends(unit)).collect();
        inner.doomed |= !gone.is_empty();
        let (left, waiting): (VecDeque<_>, VecDeque<_>) =
            inner.waiting.drain(..).partition(|unit| !ends(unit));
        inner.waiting = left;
        gone.extend(waiting);
        if let Some(trial) = inner.trial.take() {
            let (left, waiting): (VecDeque<_>, VecDeque<_>) = trial.into_iter().partition(|unit| !ends(unit));
            gone.extend(waiting);
            let goes_on = !left.is_empty() || !inner.inside.is_empty() || inner.doomed;
            inner.trial = goes_on.then_some(left);
        }
        let (dropped, free) = inner.aside.forget(ends);
        inner.requeue(free);
        drop(inner);
        let share = gone.iter().chain(&dropped).map(|unit| unit.share).sum();
        self.capacity.give_back(share);
    }

    /// Whether units of these assignments are not committed yet.
    pub(crate) fn has(&self, assignments: &[Arc<Assignment>]) -> bool {
        let inner = self.inner();
        let trial = inner.trial.iter().flatten();
        let mut all = inner.inside.iter().chain(&inner.waiting).chain(trial);
        all.any(|unit| unit.is_of(assignments)) || inner.aside.iter().any(|unit| unit.is_of(assignments))
    }

    /// The publisher's transactions.
    pub(crate) fn transactions(&self) -> &dyn Transactions {
        self.publisher.transactions().expect("`new` has looked for them")
    }

    /// Checks whether the transaction must be aborted, where nothing else would find out: while the publisher's queue has no room for
    /// the rest of a record's messages, there is no commit.
    fn check(&self, inner: &mut Inner, now: Instant) {
        if inner.open && inner.is_torn() && inner.checked.is_none_or(|last| now >= last + CHECK) {
            inner.checked = Some(now);
            if let Err(error) = self.transactions().check() {
                inner.doomed = true;
                inner.blame(error);
            }
        }
    }

    /// Sends what waits, until the publisher's queue is full.
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
                    let Some(unit) = inner.next() else { return };
                    let in_turn = unit.assignment.in_turn();
                    in_turn.enter(unit.lane, unit.report, &self.settlements);
                    inner.inside.push(unit);
                }
            }
        }
    }

    /// The units that caused an abort. Their refusals are logged, and too large messages are shortened.
    fn culprits(
        &self,
        units: &mut [Unit],
        refusals: &[Refusal],
        blamed: Option<&TransactionError>,
        now: Instant,
    ) -> HashSet<u64> {
        let (aborted, refused): (Vec<&Refusal>, Vec<&Refusal>) = refusals
            .iter()
            .partition(|refusal| refusal.error.kind() == PublishErrorKind::Aborted);
        let mut culprits = HashSet::new();
        for refusal in refused {
            if let Some(unit) = find(units, refusal.unit) {
                let is_first = culprits.insert(unit.number);
                unit.refused += u32::from(is_first);
                self.refused(unit, refusal.message, &refusal.error, now);
            }
        }
        let Some(blamed) = blamed.filter(|_| culprits.is_empty()) else {
            return culprits;
        };
        // One of those that did not arrive is the cause. Each is tried alone if it is not clear which.
        let (mut topics, mut first) = (HashSet::new(), Vec::new());
        for refusal in aborted {
            let Some(unit) = find(units, refusal.unit) else {
                continue;
            };
            topics.extend(
                unit.messages
                    .get(refusal.message)
                    .map(|message| Arc::clone(&message.topic)),
            );
            if culprits.insert(unit.number) {
                first.push(refusal);
            }
        }
        let error = PublishError::new(PublishErrorKind::Topic, blamed.to_string());
        for refusal in first.into_iter().filter(|_| topics.len() == 1) {
            if let Some(unit) = find(units, refusal.unit) {
                unit.refused += 1;
                self.refused(unit, refusal.message, &error, now);
            }
        }
        culprits
    }

    /// Handles a refused message of a unit: logs it, and shortens a dead letter that is too large.
    fn refused(&self, unit: &mut Unit, message: usize, error: &PublishError, now: Instant) {
        let (topic, partition) = (unit.assignment.topic(), unit.assignment.partition());
        let source = format!("{topic}/{partition}@{}", unit.offset);
        let Some(message) = unit.messages.get_mut(message) else {
            return;
        };
        self.complaints.refused(&message.topic, error, Some(&source), now);
        let is_of_topic = error.kind() == PublishErrorKind::Topic;
        unit.refused_by = Some((Arc::clone(&message.topic), is_of_topic));
        message.placement = message.placement.after_refusal();
        if error.kind() != PublishErrorKind::TooLarge {
            return;
        }
        if let Some(dead_letter) =
            dead_letter::retry_as_dead_letter(message, unit.refused, &self.dead_letter_topic)
        {
            warn!(
                topic = &*message.topic,
                source,
                "a record is too large for its retry topic; writing it to the dead-letter topic instead"
            );
            *message = dead_letter;
        } else if let Some(shorter) = dead_letter::shortened(message, unit.refused) {
            warn!(
                topic = &*message.topic,
                source,
                "a dead letter is too large for its topic; writing it shortened, with a header that says so"
            );
            *message = shorter;
        }
    }

    /// How long to wait after this number of refusals.
    fn back_off(&self, refused: u32) -> Duration {
        if refused == 0 {
            return Duration::ZERO;
        }
        back_off(&self.retry, refused, crate::base::jitter::fraction())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn is_torn(&self) -> bool {
        self.inside.last().is_some_and(Unit::is_torn)
    }

    fn blame(&mut self, error: TransactionError) {
        self.blamed = Some(error).filter(|error| error.kind() == TransactionErrorKind::Refused);
    }

    /// Whether a transaction is open and there is nothing to send in it.
    fn is_idle(&self) -> bool {
        self.open && self.trial.is_none() && self.inside.is_empty() && self.waiting.is_empty()
    }

    /// The unit that enters the transaction next.
    fn next(&mut self) -> Option<Unit> {
        if let Some(trial) = &mut self.trial {
            return trial.pop_front();
        }
        loop {
            let unit = self.waiting.pop_front()?;
            if !self.aside.holds(&unit) {
                return Some(unit);
            }
            self.aside.put_behind(unit);
        }
    }

    /// Makes the transaction a trial, if a unit that was set aside is due.
    fn try_again(&mut self, now: Instant) {
        if self.aside.is_due(now) {
            self.trial = Some(self.aside.take(now).into()).filter(|trial: &VecDeque<_>| !trial.is_empty());
            self.caught_up = true;
        }
    }

    /// Queues units for the next transaction.
    fn requeue(&mut self, units: Vec<Unit>) {
        if !units.is_empty() {
            self.waiting.extend(units);
            self.waiting.make_contiguous().sort_by_key(|unit| unit.number);
        }
    }
}

/// The unit with this number, among units in the order of their numbers.
fn find(units: &mut [Unit], number: u64) -> Option<&mut Unit> {
    let index = units.binary_search_by_key(&number, |unit| unit.number).ok()?;
    units.get_mut(index)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}
