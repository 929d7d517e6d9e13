//! When a transaction begins, closes, is committed or aborted. Pure: no clock, no I/O.
//!
//! One transaction is open at a time. It closes when it has enough records, when others wait for the space that it uses, or when
//! it is old enough; at once if partitions are revoked; and never while only a part of a record's messages is in it. Nothing is sent
//! during a commit. If the transaction must be aborted, its messages go into the next one.

use std::time::{Duration, Instant};

use crate::publish::TransactionErrorKind;

/// How long to wait after the first abort; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The state of one instance's transactions.
#[derive(Debug)]
pub(crate) struct Round {
    phase: Phase,
    max_records: usize,
    interval: Duration,
    /// When an open transaction is old enough.
    due: Instant,
    /// No commit before this time.
    not_before: Instant,
    /// Aborts since the last commit.
    aborts: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing was ordered yet.
    New,
    /// Waiting for the result of `Prepare`, `Commit` or `Abort`.
    Preparing,
    Committing,
    Aborting,
    /// Messages may be sent.
    Open,
    /// The last one was aborted; the next begins at this time.
    Pausing(Instant),
    /// There are no more transactions.
    Ended,
}

/// What the next step depends on.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Look {
    /// How many records have their messages in the transaction.
    pub(crate) records: usize,
    /// Whether more records wait for the space that these use.
    pub(crate) full: bool,
    /// Whether there are other offsets to commit.
    pub(crate) news: bool,
    /// Whether something waits for the commit.
    pub(crate) hurry: bool,
    /// Whether only a part of a record's messages is in it.
    pub(crate) torn: bool,
    /// Whether it must be aborted: it has messages that must not be committed, or lacks one that was refused.
    pub(crate) doomed: bool,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Wait.
    Nothing,
    /// Order `prepare`.
    Prepare,
    /// Begin a transaction and send what waits.
    Begin,
    /// Send nothing more, and order `commit`.
    Commit,
    /// Send nothing more, and order `abort`.
    Abort,
}

impl Round {
    /// A transaction is committed after `max_records` records or after `interval`.
    pub(crate) fn new(max_records: usize, interval: Duration, now: Instant) -> Self {
        Self {
            phase: Phase::New,
            max_records,
            interval,
            due: now,
            not_before: now,
            aborts: 0,
        }
    }

    /// Returns what to do now.
    pub(crate) fn next(&mut self, now: Instant, look: Look) -> Step {
        match self.phase {
            Phase::New => {
                self.phase = Phase::Preparing;
                Step::Prepare
            }
            Phase::Pausing(until) if now >= until => {
                self.phase = Phase::Open;
                Step::Begin
            }
            Phase::Open if look.doomed => {
                self.abort();
                Step::Abort
            }
            Phase::Open if self.is_full(now, look) => {
                self.phase = Phase::Committing;
                Step::Commit
            }
            Phase::Preparing
            | Phase::Committing
            | Phase::Aborting
            | Phase::Open
            | Phase::Pausing(_)
            | Phase::Ended => Step::Nothing,
        }
    }

    fn is_full(&self, now: Instant, look: Look) -> bool {
        let something = look.records > 0 || look.news;
        let enough = look.hurry || now >= self.due || self.is_enough(look.records, look.full);
        something && enough && !look.torn && now >= self.not_before
    }

    /// Whether a transaction with so many records is committed however young it is. `full`: whether others wait for its space.
    pub(crate) fn is_enough(&self, records: usize, full: bool) -> bool {
        // While the transaction is empty, those that wait are about to enter it, or wait for the publisher's queue.
        records >= self.max_records || (full && records > 0)
    }

    fn abort(&mut self) {
        self.phase = Phase::Aborting;
        self.aborts = self.aborts.saturating_add(1);
    }

    /// Takes the result of the current order, and returns what to do next.
    pub(crate) fn answered(&mut self, now: Instant, result: Result<(), TransactionErrorKind>) -> Step {
        match (self.phase, result) {
            (Phase::Preparing, Ok(())) => {
                self.phase = Phase::Open;
                Step::Begin
            }
            (Phase::Committing, Ok(())) => {
                self.phase = Phase::Open;
                self.due = now + self.interval;
                self.aborts = 0;
                Step::Begin
            }
            (Phase::Committing, Err(TransactionErrorKind::Abort | TransactionErrorKind::Refused)) => {
                self.abort();
                Step::Abort
            }
            (Phase::Aborting, Ok(())) => {
                let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.aborts.saturating_sub(1).min(16));
                self.phase = Phase::Pausing(now + pause.min(LONGEST_PAUSE));
                Step::Nothing
            }
            (Phase::New | Phase::Open | Phase::Pausing(_) | Phase::Ended, Ok(())) => Step::Nothing,
            (_, Err(_)) => {
                self.phase = Phase::Ended;
                Step::Nothing
            }
        }
    }

    /// Keeps the transaction open, because it cannot be committed yet.
    pub(crate) fn postpone(&mut self, now: Instant) {
        if self.phase == Phase::Committing {
            self.phase = Phase::Open;
            self.not_before = now + FIRST_PAUSE;
        }
    }

    /// Whether a commit may start if there is something to commit.
    pub(crate) fn is_due(&self, now: Instant, hurry: bool) -> bool {
        self.phase == Phase::Open && (hurry || now >= self.due) && now >= self.not_before
    }

    /// Whether an abort is in progress.
    pub(crate) fn is_aborting(&self) -> bool {
        self.phase == Phase::Aborting
    }

    /// Whether transactions can begin: `Prepare` is done.
    pub(crate) fn is_ready(&self) -> bool {
        !matches!(self.phase, Phase::New | Phase::Preparing | Phase::Ended)
    }

    /// When to call [`next`](Self::next) again if nothing happens before. `enough`: whether the transaction need not grow older.
    pub(crate) fn wake_at(&self, enough: bool) -> Option<Instant> {
        match self.phase {
            Phase::Open if enough => Some(self.not_before),
            Phase::Open => Some(self.due.max(self.not_before)),
            Phase::Pausing(until) => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn open(now: Instant) -> Round {
        let mut round = Round::new(10, INTERVAL, now);
        assert_eq!(round.next(now, Look::default()), Step::Prepare);
        assert!(!round.is_ready());
        assert_eq!(round.answered(now, Ok(())), Step::Begin);
        round
    }

    fn with(records: usize) -> Look {
        Look {
            records,
            ..Look::default()
        }
    }

    #[test]
    fn the_first_record_is_committed_at_once_and_later_ones_together() {
        let now = Instant::now();
        let mut round = open(now);
        assert_eq!(round.next(now, with(0)), Step::Nothing);
        assert_eq!(round.next(now, with(1)), Step::Commit);
        assert_eq!(round.answered(now, Ok(())), Step::Begin);
        assert_eq!(round.next(now, with(9)), Step::Nothing);
        assert_eq!(round.next(now, with(10)), Step::Commit);
        assert_eq!(round.answered(now, Ok(())), Step::Begin);
        assert_eq!(round.next(now + INTERVAL, with(1)), Step::Commit);
    }

    #[test]
    fn a_transaction_whose_space_others_wait_for_is_committed_at_once_unless_it_is_empty() {
        let now = Instant::now();
        let mut round = open(now);
        assert_eq!(round.next(now, with(1)), Step::Commit);
        assert_eq!(round.answered(now, Ok(())), Step::Begin);
        let full = |records| Look {
            full: true,
            ..with(records)
        };
        assert_eq!(round.next(now, full(0)), Step::Nothing);
        assert_eq!(round.wake_at(round.is_enough(0, true)), Some(now + INTERVAL));
        assert_eq!(round.next(now, with(2)), Step::Nothing);
        assert_eq!(round.next(now, full(2)), Step::Commit);
        round.postpone(now);
        assert_eq!(round.next(now, full(2)), Step::Nothing);
        let again = now + FIRST_PAUSE;
        assert_eq!(round.wake_at(round.is_enough(2, true)), Some(again));
        assert_eq!(round.next(again, full(2)), Step::Commit);
    }

    #[test]
    fn nothing_is_committed_while_a_part_of_a_record_is_missing() {
        let now = Instant::now();
        let mut round = open(now);
        let torn = Look {
            torn: true,
            hurry: true,
            ..with(99)
        };
        assert_eq!(round.next(now, torn), Step::Nothing);
    }

    #[test]
    fn after_a_refused_commit_it_is_aborted_and_the_next_begins_after_a_pause_that_grows() {
        let now = Instant::now();
        let mut round = open(now);
        for pause in [20, 40, 80, 160, 320, 640, 1000, 1000] {
            assert_eq!(round.next(now + INTERVAL, with(1)), Step::Commit);
            assert_eq!(round.answered(now, Err(TransactionErrorKind::Abort)), Step::Abort);
            assert_eq!(round.answered(now, Ok(())), Step::Nothing);
            let over = now + Duration::from_millis(pause);
            assert_eq!(round.wake_at(false), Some(over));
            assert_eq!(
                round.next(over - Duration::from_millis(1), with(1)),
                Step::Nothing
            );
            assert_eq!(round.next(over, with(1)), Step::Begin);
        }
    }

    /// A step of the test: a call of the state machine, or the result of an order.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        Look(Look, u64),
        Answer(u8),
        Postpone,
    }

    fn event() -> impl Strategy<Value = Event> {
        let look = (
            0..12_usize,
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            prop::bool::weighted(0.2),
            0..60_u64,
        );
        prop_oneof![
            3 => look.prop_map(|(records, full, news, hurry, torn, doomed, millis)| {
                Event::Look(Look { records, full, news, hurry, torn, doomed }, millis)
            }),
            2 => (0..10_u8).prop_map(Event::Answer),
            1 => Just(Event::Postpone),
        ]
    }

    proptest! {
        /// A model of a publisher that keeps its contract: whether a transaction is open, and which order is in progress.
        #[test]
        fn orders_alternate_and_only_what_is_whole_is_committed(events in prop::collection::vec(event(), 1..200)) {
            let mut now = Instant::now();
            let mut round = Round::new(10, INTERVAL, now);
            let (mut is_open, mut order, mut ended) = (false, None, false);
            for event in events {
                let (step, look) = match event {
                    Event::Look(look, millis) => {
                        now += Duration::from_millis(millis);
                        (round.next(now, look), look)
                    }
                    Event::Answer(kind) => {
                        let Some(answered) = order.take() else { continue };
                        let result = match kind {
                            0 => Err(TransactionErrorKind::Ended),
                            1..3 if answered == Step::Commit => Err(TransactionErrorKind::Abort),
                            3 if answered == Step::Commit => Err(TransactionErrorKind::Refused),
                            _ => Ok(()),
                        };
                        ended |= result == Err(TransactionErrorKind::Ended);
                        is_open &= answered == Step::Commit && result.is_err();
                        (round.answered(now, result), Look { doomed: result.is_err(), ..Look::default() })
                    }
                    Event::Postpone => {
                        if order == Some(Step::Commit) {
                            round.postpone(now);
                            order = None;
                        }
                        continue;
                    }
                };
                match step {
                    Step::Nothing => {}
                    Step::Prepare => prop_assert!(!is_open),
                    Step::Begin => {
                        prop_assert!(!is_open);
                        is_open = true;
                    }
                    Step::Commit => {
                        prop_assert!(is_open && !look.torn && !look.doomed && (look.records > 0 || look.news));
                    }
                    Step::Abort => prop_assert!(is_open && look.doomed),
                }
                prop_assert!(step == Step::Nothing || !ended);
                if matches!(step, Step::Prepare | Step::Commit | Step::Abort) {
                    prop_assert_eq!(order, None);
                    order = Some(step);
                }
                prop_assert!(!is_open || order == Some(Step::Commit) || order == Some(Step::Abort) || ended
                    || round.wake_at(false).is_some());
            }
        }
    }
}
