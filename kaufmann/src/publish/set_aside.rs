//! Records whose messages were refused in a transaction, and those that wait for them. Pure: no clock, no I/O.
//!
//! One refused message aborts a whole transaction. So its record is set aside and sent again in a trial, a transaction of its own,
//! after a back-off, while all other records continue; only those in a lane of it wait. The first trial has one record, to check
//! whether the trouble is over; each trial that succeeds doubles the size of the next one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::time::Instant;

use crate::assignment::lane::Identity;

/// What can be set aside. Lanes and topics are given as hashes.
pub(super) trait Held {
    /// Its unique number, in the order in which records end.
    fn number(&self) -> u64;

    /// The lanes that it occupies: later items in one of them wait for it.
    fn occupies(&self) -> impl Iterator<Item = u64>;

    /// The topics that its messages go to.
    fn needs(&self) -> impl Iterator<Item = u64>;

    /// The topic that refused it.
    fn refused_by(&self) -> Option<&str>;

    /// The same topic if it refuses every message: later items that need it wait, too.
    fn blocks(&self) -> Option<u64>;
}

/// The items that are set aside.
#[derive(Debug)]
pub(super) struct SetAside<T> {
    entries: BTreeMap<u64, Entry<T>>,
    /// The numbers of the items that occupy a lane or block a topic.
    lanes: HashMap<u64, BTreeSet<u64>, BuildHasherDefault<Identity>>,
    /// How many the next trial may hold.
    group: usize,
    /// When the next one may begin.
    not_before: Option<Instant>,
    /// When the first can be sent again.
    next: Option<Instant>,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    /// When it may be sent again; `None`: when the earlier ones have left.
    due: Option<Instant>,
}

impl<T> Default for SetAside<T> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            lanes: HashMap::default(),
            group: 1,
            not_before: None,
            next: None,
        }
    }
}

impl<T: Held> SetAside<T> {
    /// All items, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.values().map(|entry| &entry.item)
    }

    /// Whether an earlier item occupies a lane of this one.
    pub(super) fn holds(&self, item: &T) -> bool {
        !self.entries.is_empty() && self.is_behind(item)
    }

    /// Sets aside an item that may be sent again from `due` on. [`SetAside::failed`] or [`SetAside::release`] must follow.
    pub(super) fn put(&mut self, item: T, due: Instant) {
        self.insert(Entry { item, due: Some(due) });
    }

    /// Sets aside an item for which [`SetAside::holds`] is true.
    pub(super) fn put_behind(&mut self, item: T) {
        self.insert(Entry { item, due: None });
    }

    /// Whether an item can be sent again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// Takes the items of the next trial.
    pub(super) fn take(&mut self, now: Instant) -> Vec<T> {
        let mut taken = Vec::new();
        let numbers: Vec<u64> = self.entries.keys().copied().collect();
        for number in numbers {
            if taken.len() == self.group {
                break;
            }
            let entry = &self.entries[&number];
            if entry.due.is_some_and(|due| due <= now) && !self.is_behind(&entry.item) {
                taken.extend(self.remove(number));
            }
        }
        self.refresh();
        taken
    }

    /// Notes that the trial is committed. Returns the items that waited for it and are free now.
    pub(super) fn succeeded(&mut self) -> Vec<T> {
        self.group = self.group.saturating_mul(2);
        self.not_before = None;
        self.release()
    }

    /// Notes that the trial was aborted: the next one has one record, and begins no earlier than `not_before`. Returns the items that are
    /// free now: their predecessor was dropped, or its topic refuses only this message and no longer every one.
    pub(super) fn failed(&mut self, not_before: Instant) -> Vec<T> {
        self.group = 1;
        self.not_before = Some(not_before);
        self.release()
    }

    /// Drops the items that must no longer be sent. Returns them, and the items that are free now: they waited for these, or for items
    /// of the trial that are dropped, too.
    pub(super) fn forget(&mut self, ends: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
        let numbers: Vec<u64> = self
            .entries
            .iter()
            .filter_map(|(number, entry)| ends(&entry.item).then_some(*number))
            .collect();
        let dropped: Vec<T> = numbers
            .into_iter()
            .filter_map(|number| self.remove(number))
            .collect();
        (dropped, self.release())
    }

    /// Whether this topic has refused none of the items.
    pub(super) fn is_clear(&self, topic: &str) -> bool {
        self.iter().all(|item| item.refused_by() != Some(topic))
    }

    /// Recalculates when the next item can be sent.
    fn refresh(&mut self) {
        let free = self.entries.values().filter(|entry| !self.is_behind(&entry.item));
        let first = free.filter_map(|entry| entry.due).min();
        self.next = first.map(|first| self.not_before.map_or(first, |bound| bound.max(first)));
    }

    /// Removes and returns the items that no longer wait for another one.
    pub(super) fn release(&mut self) -> Vec<T> {
        let waiting = self.entries.iter().filter(|(_, entry)| entry.due.is_none());
        let numbers: Vec<u64> = waiting.map(|(number, _)| *number).collect();
        let mut free = Vec::new();
        for number in numbers {
            if !self.is_behind(&self.entries[&number].item) {
                free.extend(self.remove(number));
            }
        }
        self.refresh();
        free
    }

    fn is_behind(&self, item: &T) -> bool {
        let number = item.number();
        let mut lanes = item.occupies().chain(item.needs());
        lanes.any(|lane| {
            let first = self.lanes.get(&lane).and_then(BTreeSet::first);
            first.is_some_and(|first| *first < number)
        })
    }

    fn insert(&mut self, entry: Entry<T>) {
        let number = entry.item.number();
        for lane in entry.item.occupies().chain(entry.item.blocks()) {
            self.lanes.entry(lane).or_default().insert(number);
        }
        self.entries.insert(number, entry);
    }

    fn remove(&mut self, number: u64) -> Option<T> {
        let Entry { item, .. } = self.entries.remove(&number)?;
        for lane in item.occupies().chain(item.blocks()) {
            if let Some(numbers) = self.lanes.get_mut(&lane) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.lanes.remove(&lane);
                }
            }
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// A record with one message: its number, the lane of its key, its topic, and whether that refuses every message.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Item {
        number: u64,
        lane: u64,
        topic: u64,
        blocks: bool,
    }

    impl Held for Item {
        fn number(&self) -> u64 {
            self.number
        }

        fn occupies(&self) -> impl Iterator<Item = u64> {
            std::iter::once(self.lane)
        }

        fn needs(&self) -> impl Iterator<Item = u64> {
            std::iter::once(self.topic)
        }

        fn refused_by(&self) -> Option<&str> {
            self.blocks.then_some("t")
        }

        fn blocks(&self) -> Option<u64> {
            self.blocks.then_some(self.topic)
        }
    }

    fn item(number: u64, lane: u64) -> Item {
        Item {
            number,
            lane,
            topic: 1000,
            blocks: false,
        }
    }

    #[test]
    fn items_behind_one_that_never_comes_back_from_its_trial_are_free() {
        let (mut aside, now) = (SetAside::default(), Instant::now());
        for drops in [false, true] {
            aside.put(item(1, 7), now);
            aside.put_behind(item(2, 7));
            assert_eq!(aside.release(), []);
            assert_eq!(aside.take(now), [item(1, 7)]);
            let free = if drops {
                aside.forget(|item| item.number == 1).1
            } else {
                aside.failed(now)
            };
            assert_eq!(free, [item(2, 7)]);
        }
    }

    #[test]
    fn items_behind_a_topic_are_free_when_it_refuses_only_one_message() {
        let (mut aside, now) = (SetAside::default(), Instant::now());
        let whole = Item {
            blocks: true,
            ..item(1, 7)
        };
        aside.put(whole, now);
        aside.put_behind(item(2, 8));
        assert_eq!(aside.release(), []);
        assert_eq!(aside.take(now), [whole]);
        aside.put(item(1, 7), now);
        assert_eq!(aside.failed(now), [item(2, 8)]);
        assert!(aside.is_due(now));
    }

    #[test]
    fn a_later_item_of_its_lane_waits_and_is_free_after_it_was_sent() {
        let (mut aside, now) = (SetAside::default(), Instant::now());
        assert!(!aside.holds(&item(2, 7)));
        aside.put(item(1, 7), now);
        aside.refresh();
        assert!(aside.holds(&item(2, 7)));
        assert!(!aside.holds(&item(2, 8)), "another lane");
        assert!(!aside.holds(&item(0, 7)), "an earlier one");
        aside.put_behind(item(2, 7));
        assert!(aside.is_due(now));
        assert_eq!(aside.take(now), [item(1, 7)]);
        assert!(!aside.is_due(now), "the other one was not refused");
        assert_eq!(aside.succeeded(), [item(2, 7)]);
        assert_eq!(aside.iter().count(), 0);
    }

    #[test]
    fn a_topic_that_refuses_everything_holds_all_later_items_and_its_first_record_is_tried_alone() {
        let (mut aside, now) = (SetAside::default(), Instant::now());
        let refused = |number| Item {
            blocks: true,
            ..item(number, number)
        };
        for number in 1..10 {
            aside.put(refused(number), now);
        }
        aside.refresh();
        assert!(aside.holds(&item(10, 10)));
        assert_eq!(aside.take(now), [refused(1)]);
        aside.put(refused(1), now);
        aside.failed(now + Duration::from_secs(1));
        assert!(!aside.is_due(now));
        let later = now + Duration::from_secs(1);
        assert!(aside.is_due(later));
        assert_eq!(aside.take(later).len(), 1);
        assert_eq!(aside.succeeded(), []);
        assert_eq!(aside.take(later).len(), 2);
        aside.succeeded();
        assert_eq!(aside.take(later).len(), 4);
        assert!(!aside.is_clear("t"));
        aside.succeeded();
        assert_eq!(aside.take(later).len(), 2);
        assert!(aside.is_clear("t"));
    }

    proptest! {
        /// Records are set aside, tried with and without success, and dropped, also in a trial: each leaves once, none overtakes an earlier
        /// one of its lane or of a topic that refuses everything, and as long as one is there, one can be sent again.
        #[test]
        fn no_item_overtakes_and_none_is_forgotten(
            records in prop::collection::vec((0..5_u64, 100..103_u64, any::<bool>(), any::<bool>()), 1..40),
            trials in prop::collection::vec((0..4_u8, 0..5_u64), 300),
        ) {
            let now = Instant::now();
            let (mut aside, mut left) = (SetAside::default(), Vec::new());
            for (number, (lane, topic, blocks, refused)) in (0..).zip(records) {
                let own = Item { number, lane, topic, blocks: blocks && refused };
                if refused {
                    aside.put(own, now);
                } else if aside.holds(&own) {
                    aside.put_behind(own);
                } else {
                    continue;
                }
                left.push(own);
            }
            aside.refresh();
            let leave = |left: &mut Vec<Item>, gone: &[Item]| {
                for own in gone {
                    let earlier = left.iter().take_while(|other| other.number < own.number);
                    for other in earlier {
                        prop_assert!(other.lane != own.lane && !(other.blocks && other.topic == own.topic));
                    }
                    left.retain(|other| other != own);
                }
                Ok::<(), TestCaseError>(())
            };
            for (what, lane) in trials {
                match what {
                    0 => {
                        let (dropped, free) = aside.forget(|own| own.lane == lane);
                        left.retain(|own| !dropped.contains(own));
                        leave(&mut left, &free)?;
                    }
                    1 => {
                        // Some are dropped meanwhile, and some topics refuse less than before.
                        for own in aside.take(now) {
                            let again = Item { blocks: own.blocks && lane % 2 == 0, ..own };
                            let keeps = own.lane != lane;
                            left = left
                                .into_iter()
                                .filter_map(|other| if other == own { keeps.then_some(again) } else { Some(other) })
                                .collect();
                            if keeps {
                                aside.put(again, now);
                            }
                        }
                        let free = aside.failed(now);
                        leave(&mut left, &free)?;
                    }
                    _ => {
                        let taken = aside.take(now);
                        leave(&mut left, &taken)?;
                        let free = aside.succeeded();
                        leave(&mut left, &free)?;
                    }
                }
                prop_assert!(aside.iter().eq(&left));
                prop_assert_eq!(aside.is_due(now), !left.is_empty());
            }
            prop_assert!(left.is_empty());
        }
    }
}
