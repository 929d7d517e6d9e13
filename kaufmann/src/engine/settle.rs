//! How shards report to the poller which records are done.
//!
//! The poller is woken only when the reports let it continue: when it waits at a bound, or drains.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::assignment::lane::{Identity, UNORDERED};
use crate::assignment::{Fate, Report, Settlements};
use crate::engine::link::Link;
use crate::handler::observer::Observer;
use crate::publish::Delivered;
use crate::record::Record;

/// A shard's reports, joined before they are sent.
#[derive(Debug)]
pub(crate) struct Reports {
    settlements: Arc<Settlements>,
    pending: Vec<Report>,
    records: usize,
    /// The lanes of the pending reports, if records are settled in turn.
    lanes: Option<HashSet<u64, BuildHasherDefault<Identity>>>,
}

impl Reports {
    /// `in_turn`: a record is settled only after those of its lane that were handled before it ([`InTurn`](crate::assignment::InTurn)).
    pub(crate) fn new(settlements: Arc<Settlements>, in_turn: bool) -> Self {
        Self {
            settlements,
            pending: Vec::new(),
            records: 0,
            lanes: in_turn.then(HashSet::default),
        }
    }

    /// Notes that a record starts: others may report it from now on, so earlier reports of its lane are sent first.
    #[inline]
    pub(crate) fn begin(&mut self, record: &Record) {
        if self
            .lanes
            .as_ref()
            .is_some_and(|lanes| lanes.contains(&record.lane()))
        {
            self.flush();
        }
    }

    /// Settles a record that was handled.
    #[inline]
    pub(crate) fn settle_handled(&mut self, record: &Record) {
        if let Some(lanes) = &mut self.lanes {
            let (assignment, lane) = (record.assignment(), record.lane());
            if assignment.in_turn().is_held(lane) {
                return settle_now(&self.settlements, record);
            }
            if lane != UNORDERED {
                lanes.insert(lane);
            }
        }
        self.settle(record);
    }

    /// Settles a record that no handler ran for.
    #[inline]
    pub(crate) fn settle(&mut self, record: &Record) {
        self.push(&Report::settled(record));
    }

    /// Gives up a record that has not started: its assignment ends.
    pub(crate) fn abandon(&mut self, record: &Record) {
        self.push(&Report::of(record, Fate::GivenUp));
    }

    /// Gives up a record that failed instead of retrying it: its assignment ends.
    pub(crate) fn give_up(&mut self, record: &Record) {
        self.push(&Report::of(record, Fate::Failed));
    }

    /// Sends the pending reports.
    pub(crate) fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.settlements
            .append(&mut self.pending, std::mem::take(&mut self.records));
        if let Some(lanes) = &mut self.lanes {
            lanes.clear();
        }
    }

    #[inline]
    fn push(&mut self, report: &Report) {
        self.records += 1;
        if !self.pending.last_mut().is_some_and(|last| last.join(report)) {
            self.pending.push(*report);
        }
    }
}

/// Settles a record that was handled, in its turn, beside a shard's reports.
pub(crate) fn settle_now(settlements: &Settlements, record: &Record) {
    let assignment = record.assignment();
    assignment.handed(record.offset());
    assignment
        .in_turn()
        .settle(record.lane(), Report::settled(record), settlements);
}

/// Settles a record once its messages are delivered, and then tells the observer, if there is one. Only then the record is
/// kept, copied out of its batch, which would else be kept whole.
pub(crate) fn settle_later<O>(link: &Arc<Link>, record: &Record, tell: impl FnOnce() -> O) -> Delivered
where
    O: Fn(&dyn Observer, &Link, &Record) + Send + Sync + 'static,
{
    let report = Report::settled(record);
    let (assignment, lane) = (record.assignment(), record.lane());
    assignment.handed(record.offset());
    let in_turn = link.commits_ahead.then(|| {
        assignment.in_turn().wait(lane, record.offset());
        Arc::clone(assignment)
    });
    let link = Arc::clone(link);
    // In a box of its own: this is freed by the publisher's thread, which costs less if it is small.
    let observed = link
        .observer
        .clone()
        .map(|observer| Box::new((observer, record.detached(), tell())));
    Box::new(move |delivered| {
        if let (true, Some(observed)) = (delivered, &observed) {
            let (observer, record, tell) = &**observed;
            tell(&**observer, &link, record);
        }
        let report = if delivered { report } else { report.given_up() };
        match &in_turn {
            Some(assignment) => assignment.in_turn().settle(lane, report, &link.settlements),
            None => link.settlements.report(report),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::record::RawRecord;
    use crate::source::Waker;

    fn record(offset: i64) -> Record {
        Record::of(&RawRecord {
            offset,
            timestamp: None,
            key: None,
            payload: None,
            headers: &[],
        })
    }

    fn reports() -> (Arc<Settlements>, Reports, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&woken);
        let waker = Waker::new(move || _ = counter.fetch_add(1, Ordering::SeqCst));
        let settlements = Arc::new(Settlements::new(waker));
        (Arc::clone(&settlements), Reports::new(settlements, false), woken)
    }

    #[test]
    fn neighbours_are_joined_and_kept_apart_from_those_given_up() {
        let (settlements, mut reports, _) = reports();
        for offset in [1, 2, 4] {
            reports.settle(&record(offset));
        }
        reports.abandon(&record(5));
        // Out of order, as after a retry.
        reports.settle(&record(66));
        reports.settle(&record(65));
        reports.flush();
        let mut taken = Vec::new();
        settlements.take(&mut taken);
        let spans: Vec<_> = taken
            .iter()
            .map(|report| (report.from, report.records, report.fate == Fate::Settled))
            .collect();
        assert_eq!(
            spans,
            [(1, 0b1011, true), (5, 1, false), (66, 1, true), (65, 1, true)]
        );
        assert_eq!(taken[0].bytes, 3 * record(1).size());
    }

    #[test]
    fn the_poller_is_woken_only_when_enough_is_done() {
        let (settlements, mut reports, woken) = reports();
        settlements.report(Report::settled(&record(1)));
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        assert!(!settlements.arm(3), "there is a report already");
        settlements.take(&mut Vec::new());
        assert!(settlements.arm(3));
        settlements.report(Report::settled(&record(2)));
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        reports.settle(&record(3));
        reports.settle(&record(4));
        reports.flush();
        settlements.report(Report::settled(&record(5)));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }
}
