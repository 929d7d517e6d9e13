//! The records of a lane, settled one after another.
//!
//! What is settled above the watermark is not handled again where commits say so. So a record must not be settled while an earlier
//! one of its lane can still be repeated: the key would go back, and then leave out the record. Only what waits for its messages
//! can be overtaken, because its lane goes on meanwhile.

use std::collections::{HashMap, VecDeque};

use super::sync::{AtomicUsize, Mutex, MutexGuard};
use super::{Report, Settlements};
use crate::lanes::UNORDERED;

/// The lanes of one assignment in which a record waits for its messages. A shard and the deliveries meet here.
#[derive(Debug, Default)]
pub(crate) struct InTurn {
    /// How many lanes there are, so that the lock is taken only if there is one.
    count: AtomicUsize,
    lanes: Mutex<Lanes>,
}

impl InTurn {
    /// A record has ended and waits for its messages: [`InTurn::settle`] says when they are answered.
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

    /// Reports a record that is settled, or given up, and those that waited for it; later, if one before it waits.
    pub(crate) fn settle(&self, lane: u64, report: Report, settlements: &Settlements) {
        if lane == UNORDERED {
            return settlements.report(report);
        }
        let mut lanes = self.lock();
        let mut reports = lanes.settle(lane, report);
        self.count
            .store(lanes.0.len(), std::sync::atomic::Ordering::Release);
        let count = reports.len();
        // With the lock: else the shard saw the lane free, and reported a later record before.
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
    /// Records that have ended, by their offset; without a report those whose messages are not answered.
    ended: VecDeque<(i64, Option<Report>)>,
    /// The first that was given up: nothing behind it is settled any more.
    given_up: Option<i64>,
}

impl Lanes {
    fn wait(&mut self, lane: u64, offset: i64) {
        self.0.entry(lane).or_default().put(offset, None);
    }

    /// What is to be reported now.
    fn settle(&mut self, lane: u64, report: Report) -> Vec<Report> {
        let Some(own) = self.0.get_mut(&lane) else {
            return vec![report];
        };
        own.put(report.from, Some(report));
        let mut reports = Vec::new();
        while let Some((offset, Some(report))) = own.ended.front().copied() {
            own.ended.pop_front();
            if !report.settled {
                own.given_up.get_or_insert(offset);
            }
            let is_behind = own.given_up.is_some_and(|given_up| given_up < offset);
            reports.push(if is_behind { report.given_up() } else { report });
        }
        if own.ended.is_empty() && own.given_up.is_none() {
            self.0.remove(&lane);
        }
        reports
    }
}

impl Lane {
    /// A record may come again: an attempt that was cut off while it waited is repeated.
    fn put(&mut self, offset: i64, report: Option<Report>) {
        let place = self.ended.partition_point(|(other, _)| *other < offset);
        match self.ended.get_mut(place).filter(|(other, _)| *other == offset) {
            Some((_, own)) => *own = report,
            None => self.ended.insert(place, (offset, report)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commit::{Ahead, Tracker};

    fn report(offset: i64) -> Report {
        Report {
            assignment: 1,
            from: offset,
            records: 1,
            bytes: 1,
            settled: true,
        }
    }

    #[test]
    fn a_record_is_settled_when_the_one_before_it_in_its_lane_is() {
        let mut lanes = Lanes::default();
        lanes.wait(7, 4);
        assert_eq!(lanes.settle(7, report(6)), []);
        assert_eq!(lanes.settle(8, report(5)), [report(5)]);
        assert_eq!(lanes.settle(7, report(4)), [report(4), report(6)]);
        assert!(lanes.0.is_empty());
    }

    #[test]
    fn what_stands_behind_one_that_was_given_up_is_given_up() {
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

    proptest! {
        /// Records end in the order of their lanes, some of them with messages, which are answered in any order.
        #[test]
        fn a_restart_at_any_time_repeats_with_a_record_all_behind_it_in_its_lane(
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
                    let metadata = Ahead::encode(watermark, tracker.ahead()).unwrap_or_default();
                    let mut second = Tracker::resume(&Ahead::decode(&metadata, watermark));
                    let mut repeated = std::collections::HashSet::new();
                    for (offset, (lane, _)) in (0..).zip(&records).filter(|(offset, _)| *offset >= watermark) {
                        if second.take(offset) {
                            repeated.insert(*lane);
                        } else {
                            prop_assert!(!repeated.contains(lane), "{offset} is left out behind one of its lane");
                        }
                    }
                }
            }
            prop_assert_eq!(tracker.unsettled(), 0);
            prop_assert!(lanes.0.is_empty());
        }
    }
}
