//! Which record may run next. Pure: no clock, no I/O.
//!
//! The records of a lane are handled one after another: those of one key of one partition. Only busy lanes are kept, so
//! a million idle keys cost nothing.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use crate::assignment::lane::{Identity, UNORDERED};

/// The busy lanes of one shard, with the records that wait in them.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    busy: HashMap<u64, VecDeque<T>, BuildHasherDefault<Identity>>,
    /// Lanes whose record is done and in which another waits, in the order in which they became ready.
    ready: VecDeque<u64>,
    /// Whether it is the turn of a lane that is not busy yet. Otherwise ready lanes could keep it waiting, and in the end its records would
    /// run alone.
    others_turn: bool,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            busy: HashMap::default(),
            ready: VecDeque::new(),
            others_turn: false,
        }
    }
}

impl<T> Lanes<T> {
    /// Whether a record of this lane must wait for another.
    #[inline]
    pub(crate) fn is_busy(&self, lane: u64) -> bool {
        !self.busy.is_empty() && lane != UNORDERED && self.busy.contains_key(&lane)
    }

    /// Queues a record in a busy lane.
    pub(crate) fn queue(&mut self, lane: u64, item: T) {
        self.busy.entry(lane).or_default().push_back(item);
    }

    /// Queues records in a busy lane, before those that wait.
    pub(crate) fn queue_first(&mut self, lane: u64, items: Vec<T>) {
        let queue = self.busy.entry(lane).or_default();
        for item in items.into_iter().rev() {
            queue.push_front(item);
        }
    }

    /// Whether records wait in a lane.
    pub(crate) fn has_waiting(&self, lane: u64) -> bool {
        self.busy.get(&lane).is_some_and(|queue| !queue.is_empty())
    }

    /// Takes the first record that waits in a busy lane, if `pick` is true for it.
    pub(crate) fn next_if(&mut self, lane: u64, pick: impl FnOnce(&T) -> bool) -> Option<T> {
        let queue = self.busy.get_mut(&lane)?;
        if queue.front().is_some_and(pick) {
            queue.pop_front()
        } else {
            None
        }
    }

    /// Marks a lane as busy: the handler of its record did not finish at once.
    pub(crate) fn occupy(&mut self, lane: u64) {
        if lane != UNORDERED {
            self.busy.entry(lane).or_default();
        }
    }

    /// Notes that the record of a busy lane is done. If others wait in the lane, it becomes the last of the ready ones.
    pub(crate) fn release(&mut self, lane: u64) {
        if lane == UNORDERED {
            return;
        }
        if let Entry::Occupied(entry) = self.busy.entry(lane) {
            if entry.get().is_empty() {
                entry.remove();
            } else {
                self.ready.push_back(lane);
            }
        }
    }

    /// Takes the next record of a ready lane; the lane stays busy until it is released. `None` if there are `others` (records that may
    /// be of lanes that are not busy) and it is their turn.
    #[inline]
    pub(crate) fn next(&mut self, others: bool) -> Option<(u64, T)> {
        if others && self.others_turn {
            return None;
        }
        self.others_turn = true;
        self.next_ready()
    }

    /// Notes that a record of a lane that was not busy starts: the others had their turn. Queueing a record is not a turn.
    #[inline]
    pub(crate) fn turn(&mut self) {
        self.others_turn = false;
    }

    fn next_ready(&mut self) -> Option<(u64, T)> {
        while let Some(lane) = self.ready.pop_front() {
            match self.busy.get_mut(&lane).and_then(VecDeque::pop_front) {
                Some(item) => return Some((lane, item)),
                // Its waiting records were removed.
                None => {
                    self.busy.remove(&lane);
                }
            }
        }
        None
    }

    /// Whether a lane is ready for its next record.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many lanes are ready for their next record.
    #[inline]
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Removes the waiting records for which `keep` is false. Running ones are not affected.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for queue in self.busy.values_mut() {
            queue.retain(&mut keep);
        }
    }

    /// Returns the records that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &T> {
        self.busy.values().flatten()
    }

    /// How many records wait.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.busy.values().map(VecDeque::len).sum()
    }

    /// How many lanes are busy.
    #[cfg(test)]
    pub(crate) fn busy(&self) -> usize {
        self.busy.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_idle_lane_costs_nothing() {
        let mut lanes: Lanes<u32> = Lanes::default();
        lanes.occupy(7);
        lanes.queue(7, 1);
        lanes.release(7);
        assert_eq!(lanes.next(false), Some((7, 1)));
        lanes.release(7);
        assert_eq!((lanes.busy(), lanes.queued()), (0, 0));
    }

    #[test]
    fn a_lane_with_more_goes_after_the_other_ready_ones() {
        let mut lanes = Lanes::default();
        for lane in [1, 2] {
            lanes.occupy(lane);
            lanes.queue(lane, (lane, 'a'));
            lanes.queue(lane, (lane, 'b'));
        }
        lanes.release(1);
        lanes.release(2);
        assert_eq!(lanes.next(false), Some((1, (1, 'a'))));
        lanes.release(1);
        assert_eq!(lanes.next(false), Some((2, (2, 'a'))));
    }

    #[test]
    fn a_lane_with_more_does_not_keep_idle_ones_waiting() {
        let mut lanes = Lanes::default();
        lanes.occupy(1);
        (0..3).for_each(|number| lanes.queue(1, number));
        lanes.release(1);
        assert_eq!(lanes.next(true), Some((1, 0)));
        lanes.release(1);
        assert_eq!(lanes.next(true), None, "it is the turn of the unread records");
        assert_eq!(
            lanes.next(true),
            None,
            "and stays so while they are queued in their lane"
        );
        lanes.turn();
        assert_eq!(lanes.next(true), Some((1, 1)));
        lanes.release(1);
        assert_eq!(lanes.next(false), Some((1, 2)), "there are no others");
    }

    #[test]
    fn nothing_orders_the_unordered() {
        let mut lanes: Lanes<()> = Lanes::default();
        lanes.occupy(UNORDERED);
        assert!(!lanes.is_busy(UNORDERED));
    }

    #[test]
    fn a_ready_lane_whose_records_were_removed_is_forgotten() {
        let mut lanes = Lanes::default();
        lanes.occupy(1);
        lanes.queue(1, 'a');
        lanes.release(1);
        lanes.retain(|_| false);
        assert_eq!(lanes.next(false), None);
        assert!(!lanes.is_busy(1));
    }

    proptest! {
        /// Records are offered as a shard offers them; handlers finish in any order.
        #[test]
        fn a_lane_runs_one_record_at_a_time_in_order_and_loses_none(
            offered in prop::collection::vec((1..5u64, any::<bool>()), 1..200),
            finish in prop::collection::vec(any::<prop::sample::Index>(), 400),
        ) {
            let mut lanes = Lanes::default();
            let mut running: Vec<(u64, usize)> = Vec::new();
            let mut done: Vec<(u64, usize)> = Vec::new();
            let mut finish = finish.into_iter();
            let mut offered = offered.into_iter().enumerate().peekable();
            loop {
                if let Some((lane, number)) = lanes.next(false) {
                    running.push((lane, number));
                } else if let Some((number, (lane, instant))) = offered.next() {
                    if lanes.is_busy(lane) {
                        lanes.queue(lane, number);
                    } else if instant {
                        done.push((lane, number));
                    } else {
                        lanes.occupy(lane);
                        running.push((lane, number));
                    }
                    prop_assert_eq!(running.iter().map(|(lane, _)| lane).collect::<HashSet<_>>().len(), running.len());
                    continue;
                } else if running.is_empty() {
                    break;
                }
                let index = finish.next().map_or(0, |pick| pick.index(running.len()));
                let (lane, number) = running.swap_remove(index);
                done.push((lane, number));
                lanes.release(lane);
            }
            prop_assert!(offered.peek().is_none());
            prop_assert_eq!((lanes.queued(), lanes.busy()), (0, 0));
            for lane in 1..5 {
                let order: Vec<_> = done.iter().filter(|(l, _)| *l == lane).map(|(_, n)| *n).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
