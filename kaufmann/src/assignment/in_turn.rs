//! The records of a lane, settled one after another.
//!
//! Records settled above the watermark are in the commit's metadata, and a restart does not handle them again. So a record must not be
//! settled while an earlier one of its lane can still be repeated: the key would go back, and then skip the record. Only a record that
//! waits for the delivery of its messages can be overtaken, because its lane continues meanwhile.
//!
//! A record whose messages are in a transaction counts as settled, with the later ones, until the transaction ends. If it is aborted,
//! all of that is taken back.

use std::collections::{HashMap, VecDeque};

use super::sync::{AtomicUsize, Mutex, MutexGuard};
use super::{Report, Settlements};
use crate::assignment::lane::UNORDERED;

/// The lanes of one assignment in which a record waits for the delivery of its messages. Shared by a shard and the deliveries.
#[derive(Debug, Default)]
pub(crate) struct InTurn {
    /// The number of lanes, so that the lock is taken only if there is one.
    count: AtomicUsize,
    lanes: Mutex<Lanes>,
}

impl InTurn {
    /// Notes that a record has ended and waits for its messages, until [`InTurn::settle`] is called for it.
    pub(crate) fn wait(&self, lane: u64, offset: i64) {
        if lane == UNORDERED {
            return;
        }
        let mut lanes = self.lock();
        lanes.wait(lane, offset);
        self.count
            .store(lanes.0.len(), std::sync::atomic::Ordering::Release);
    }

    /// Whether a record of this lane waits.
    #[inline]
    pub(crate) fn is_held(&self, lane: u64) -> bool {
        self.count.load(std::sync::atomic::Ordering::Acquire) != 0 && self.lock().0.contains_key(&lane)
    }

    /// Reports a record whose messages are in a transaction, and those that waited for it; later, if an earlier one waits.
    /// [`InTurn::settle`] follows if it is committed, [`InTurn::take_back`] if it is aborted.
    pub(crate) fn enter(&self, lane: u64, report: Report, settlements: &Settlements) {
        self.report(lane, report, settlements, |lanes| lanes.enter(lane, report));
    }

    /// Takes back the reports of a record of [`InTurn::enter`], and of the later ones in its lane.
    pub(crate) fn take_back(&self, lane: u64, report: Report, settlements: &Settlements) {
        self.report(lane, report.taken_back(), settlements, |lanes| {
            lanes.take_back(lane, report)
        });
    }

    /// Reports a record that is settled, or given up, and those that waited for it; later, if an earlier one waits.
    pub(crate) fn settle(&self, lane: u64, report: Report, settlements: &Settlements) {
        self.report(lane, report, settlements, |lanes| lanes.settle(lane, report));
    }

    /// Sends the report if its record has no order, else the reports that `change` returns.
    fn report(
        &self,
        lane: u64,
        report: Report,
        settlements: &Settlements,
        change: impl FnOnce(&mut Lanes) -> Vec<Report>,
    ) {
        if lane == UNORDERED {
            return settlements.report(report);
        }
        let mut lanes = self.lock();
        let mut reports = change(&mut lanes);
        self.count
            .store(lanes.0.len(), std::sync::atomic::Ordering::Release);
        let count = reports.len();
        // Under the lock: else the shard could see the lane free, and report a later record first.
        if count > 0 {
            settlements.append(&mut reports, count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// By the lane's hash.
#[derive(Debug, Default)]
struct Lanes(HashMap<u64, Lane>);

#[derive(Debug, Default)]
struct Lane {
    /// Records that have ended, in the order of their offsets.
    ended: VecDeque<Ended>,
    /// How many of the first of them have been reported.
    reported: usize,
    /// The first offset that was given up: later ones are no longer settled.
    given_up: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    offset: i64,
    /// `None`: its messages are not answered yet.
    report: Option<Report>,
    /// Whether its messages are in a transaction that has not ended.
    is_inside: bool,
}

impl Lanes {
    fn wait(&mut self, lane: u64, offset: i64) {
        self.0.entry(lane).or_default().put(offset, None, false);
    }

    /// Returns the reports to send now.
    fn settle(&mut self, lane: u64, report: Report) -> Vec<Report> {
        let Some(own) = self.0.get_mut(&lane) else {
            return vec![report];
        };
        let index = own.put(report.from, Some(report), false);
        // Again, if it was reported when it entered its transaction: now it gives its bytes back.
        let again = (index < own.reported).then_some(report);
        let mut reports = Vec::from_iter(again);
        own.advance(&mut reports);
        if own.ended.is_empty() && own.given_up.is_none() {
            self.0.remove(&lane);
        }
        reports
    }

    fn enter(&mut self, lane: u64, report: Report) -> Vec<Report> {
        let Some(own) = self.0.get_mut(&lane) else {
            return vec![report];
        };
        own.put(report.from, Some(report), true);
        let mut reports = Vec::new();
        own.advance(&mut reports);
        reports
    }

    fn take_back(&mut self, lane: u64, report: Report) -> Vec<Report> {
        let Some(own) = self.0.get_mut(&lane) else {
            return vec![report.taken_back()];
        };
        let from = own.index_of(report.from);
        let mut reports = Vec::new();
        for ended in own.ended.range_mut(from.min(own.reported)..own.reported) {
            reports.extend(ended.report.map(Report::taken_back));
            if std::mem::take(&mut ended.is_inside) {
                ended.report = None;
            }
        }
        own.reported = own.reported.min(from);
        reports
    }
}

impl Lane {
    fn index_of(&self, offset: i64) -> usize {
        self.ended.partition_point(|ended| ended.offset < offset)
    }

    /// Adds or replaces a record, and returns its index. A record may come again: an attempt that was cancelled while it waited is
    /// repeated.
    fn put(&mut self, offset: i64, report: Option<Report>, is_inside: bool) -> usize {
        let new = Ended {
            offset,
            report,
            is_inside,
        };
        let index = self.index_of(offset);
        match self.ended.get_mut(index).filter(|own| own.offset == offset) {
            Some(own) => *own = new,
            None => self.ended.insert(index, new),
        }
        index
    }

    /// Adds the reports that can be sent now to `reports`, and removes the records that are done.
    fn advance(&mut self, reports: &mut Vec<Report>) {
        while let Some(ended) = self.ended.get_mut(self.reported) {
            let Some(report) = ended.report else { break };
            if report.fate.is_given_up() {
                self.given_up.get_or_insert(ended.offset);
            }
            let is_behind = self.given_up.is_some_and(|given_up| given_up < ended.offset);
            reports.push(if is_behind { report.given_up() } else { report });
            // A second report must not give its bytes back again.
            ended.report = Some(report.without_bytes());
            self.reported += 1;
        }
        while self.reported > 0 && self.ended.front().is_some_and(|ended| !ended.is_inside) {
            self.ended.pop_front();
            self.reported -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Fate;
    use super::*;
    use crate::engine::commit::{Ahead, Tracker};

    fn report(offset: i64) -> Report {
        Report {
            assignment: 1,
            from: offset,
            records: 1,
            bytes: 1,
            fate: Fate::Settled,
        }
    }

    #[test]
    fn a_record_is_settled_when_the_previous_one_in_its_lane_is() {
        let mut lanes = Lanes::default();
        lanes.wait(7, 4);
        assert_eq!(lanes.settle(7, report(6)), []);
        assert_eq!(lanes.settle(8, report(5)), [report(5)]);
        assert_eq!(lanes.settle(7, report(4)), [report(4), report(6)]);
        assert!(lanes.0.is_empty());
    }

    #[test]
    fn records_after_one_that_was_given_up_are_given_up() {
        let mut lanes = Lanes::default();
        lanes.wait(7, 4);
        assert_eq!(lanes.settle(7, report(6)), []);
        let given_up = [report(4).given_up(), report(6).given_up()];
        assert_eq!(lanes.settle(7, report(4).given_up()), given_up);
        assert_eq!(lanes.settle(7, report(9)), [report(9).given_up()]);
        assert_eq!(lanes.settle(7, report(3)), [report(3)]);
    }

    #[test]
    fn an_attempt_that_is_repeated_waits_once() {
        let mut lanes = Lanes::default();
        lanes.wait(7, 4);
        lanes.wait(7, 4);
        assert_eq!(lanes.settle(7, report(4)), [report(4)]);
        assert!(lanes.0.is_empty());
    }

    #[test]
    fn a_record_of_an_aborted_transaction_is_taken_back_with_all_later_reports_of_its_lane() {
        let mut lanes = Lanes::default();
        let all = |offsets: &[i64]| {
            offsets
                .iter()
                .map(|offset| report(*offset).without_bytes())
                .collect::<Vec<_>>()
        };
        lanes.wait(7, 4);
        lanes.wait(7, 6);
        assert_eq!(lanes.settle(7, report(5)), []);
        let inside = |offset| report(offset).without_bytes();
        assert_eq!(lanes.enter(7, inside(4)), [inside(4), report(5)]);
        assert_eq!(lanes.enter(7, inside(6)), [inside(6)]);
        assert_eq!(lanes.settle(7, report(7)), [report(7)]);
        let taken_back: Vec<_> = all(&[4, 5, 6, 7]).into_iter().map(Report::taken_back).collect();
        assert_eq!(lanes.take_back(7, inside(4)), taken_back);
        assert_eq!(lanes.take_back(7, inside(6)), []);
        assert_eq!(lanes.settle(7, report(8)), [], "it waits again");
        assert_eq!(lanes.enter(7, inside(4)), all(&[4, 5]));
        assert_eq!(lanes.settle(7, report(4)), [report(4)], "it is committed");
        assert_eq!(lanes.enter(7, inside(6)), [inside(6), inside(7), report(8)]);
        assert_eq!(lanes.settle(7, report(6)), [report(6)]);
        assert!(lanes.0.is_empty());
    }

    proptest! {
        /// With transactions: records with messages enter in the order of their lanes, all are committed or taken back, and then some
        /// do not enter the next one.
        #[test]
        fn a_restart_at_any_commit_repeats_with_a_record_all_later_ones_of_its_lane(
            records in prop::collection::vec((1..4u64, any::<bool>()), 1..60),
            steps in prop::collection::vec((0..8u8, 0..4u64), 400),
        ) {
            let (mut lanes, mut tracker) = (Lanes::default(), Tracker::default());
            (0..).zip(&records).for_each(|(offset, _)| _ = tracker.take(offset));
            let mut next = (0..).zip(&records);
            let mut waiting = Vec::<(u64, i64)>::new();
            let mut inside = Vec::<(u64, i64)>::new();
            let apply = |reports: Vec<Report>, tracker: &mut Tracker| {
                for report in reports {
                    match report.fate {
                        Fate::Settled => _ = tracker.settle(report.from, report.records),
                        Fate::TakenBack => tracker.take_back(report.from, report.records),
                        _ => unreachable!("nothing ends"),
                    }
                }
            };
            for (step, stays) in steps.into_iter().chain([(6, 0), (7, 0)].repeat(2)) {
                match step {
                    0..4 => {
                        let Some((offset, (lane, messages))) = next.next() else { continue };
                        if *messages {
                            lanes.wait(*lane, offset);
                            waiting.push((*lane, offset));
                        } else {
                            apply(lanes.settle(*lane, report(offset)), &mut tracker);
                        }
                    }
                    4 | 6 => {
                        for (lane, offset) in waiting.extract_if(.., |(lane, _)| *lane != stays) {
                            apply(lanes.enter(lane, report(offset).without_bytes()), &mut tracker);
                            inside.push((lane, offset));
                        }
                    }
                    5 => {
                        for (lane, offset) in &inside {
                            apply(lanes.take_back(*lane, report(*offset)), &mut tracker);
                        }
                        waiting.append(&mut inside);
                        waiting.sort_unstable_by_key(|(_, offset)| *offset);
                    }
                    _ => {
                        let Some(watermark) = tracker.watermark() else { continue };
                        let metadata = Ahead::encode(None, watermark, tracker.ahead()).unwrap_or_default();
                        let mut second = Tracker::resume(&Ahead::decode(&metadata, None, watermark));
                        let mut repeated = std::collections::HashSet::new();
                        for (offset, (lane, _)) in (0..).zip(&records).filter(|(offset, _)| *offset >= watermark) {
                            let is_inside = inside.contains(&(*lane, offset));
                            if second.take(offset) {
                                prop_assert!(!is_inside, "{offset} is inside and not committed");
                                repeated.insert(*lane);
                            } else {
                                prop_assert!(!repeated.contains(lane), "{offset} is skipped after a repeated one of its lane");
                            }
                        }
                        for (lane, offset) in inside.drain(..) {
                            apply(lanes.settle(lane, report(offset)), &mut tracker);
                        }
                    }
                }
            }
            prop_assert!(next.next().is_some() || (tracker.unsettled() == 0 && lanes.0.is_empty()));
        }

        /// Records end in the order of their lanes, some of them with messages, which are answered in any order.
        #[test]
        fn a_restart_at_any_time_repeats_with_a_record_all_later_ones_of_its_lane(
            records in prop::collection::vec((1..5u64, any::<bool>()), 1..120),
            answers in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 240),
        ) {
            let (mut lanes, mut tracker, mut waiting) = (Lanes::default(), Tracker::default(), Vec::new());
            (0..).zip(&records).for_each(|(offset, _)| _ = tracker.take(offset));
            let mut next = (0..).zip(&records).peekable();
            let mut answers = answers.into_iter();
            while next.peek().is_some() || !waiting.is_empty() {
                let (pick, answer) = answers.next().expect("each record ends once and is answered once");
                let reports = if (answer || next.peek().is_none()) && !waiting.is_empty() {
                    let (lane, offset) = waiting.remove(pick.index(waiting.len()));
                    lanes.settle(lane, report(offset))
                } else if let Some((offset, (lane, messages))) = next.next() {
                    if *messages {
                        lanes.wait(*lane, offset);
                        waiting.push((*lane, offset));
                        Vec::new()
                    } else {
                        lanes.settle(*lane, report(offset))
                    }
                } else {
                    Vec::new()
                };
                for report in reports {
                    tracker.settle(report.from, report.records);
                    let watermark = tracker.watermark().expect("records were taken");
                    let metadata = Ahead::encode(None, watermark, tracker.ahead()).unwrap_or_default();
                    let mut second = Tracker::resume(&Ahead::decode(&metadata, None, watermark));
                    let mut repeated = std::collections::HashSet::new();
                    for (offset, (lane, _)) in (0..).zip(&records).filter(|(offset, _)| *offset >= watermark) {
                        if second.take(offset) {
                            repeated.insert(*lane);
                        } else {
                            prop_assert!(!repeated.contains(lane), "{offset} is skipped after a repeated one of its lane");
                        }
                    }
                }
            }
            prop_assert_eq!(tracker.unsettled(), 0);
            prop_assert!(lanes.0.is_empty());
        }
    }
}
