//! Which offset may be committed: the watermark of a partition. Pure: no clock, no I/O.
//!
//! Each record that is read has a bit, which is set while the record is unsettled. Offsets that are never delivered (compaction,
//! transaction markers) have no bit, so gaps never block. The memory is an eighth of a byte for each record from the oldest
//! unsettled one to the newest.

use std::collections::{BTreeSet, VecDeque};

mod ahead;

pub(crate) use ahead::Ahead;
use ahead::joined;

/// Tracks the unsettled records of one assignment.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// Runs of consecutive offsets, oldest first.
    runs: VecDeque<Run>,
    /// One bit a record, set while it is unsettled; bit 0 of word 0 is the record number `base`.
    words: VecDeque<u64>,
    /// A multiple of 64.
    base: u64,
    /// How many records were read so far.
    taken: u64,
    unsettled: usize,
    /// Where reading began.
    first: Option<i64>,
    /// The next offset to read: the one after the newest record and after what was passed since.
    next: Option<i64>,
    highest_settled: Option<i64>,
    /// The ranges that were settled under an earlier assignment and are not read again yet.
    resumed: VecDeque<(i64, i64)>,
    /// The offsets that were settled and are unsettled again.
    taken_back: BTreeSet<i64>,
}

/// Records with consecutive offsets.
#[derive(Clone, Copy, Debug)]
struct Run {
    offset: i64,
    number: u64,
    len: u64,
}

impl Tracker {
    /// Returns a tracker that knows what was settled under an earlier assignment.
    pub(crate) fn resume(ahead: &Ahead) -> Self {
        Self {
            resumed: ahead.ranges().iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Adds a record. `false` if it need not be handled: its offset was read already, or it was settled under an earlier
    /// assignment.
    pub(crate) fn take(&mut self, offset: i64) -> bool {
        if self.next.is_some_and(|next| offset < next) {
            return false;
        }
        self.add(offset);
        let settled = self.was_settled(offset);
        if settled {
            self.settle(offset, 1);
        }
        !settled
    }

    /// Sets where reading begins, before the first record.
    pub(crate) fn begin(&mut self, offset: i64) {
        self.first.get_or_insert(offset);
        self.next.get_or_insert(offset);
    }

    /// Moves past offsets without a record: everything below `offset` has been read. Returns whether that changed anything.
    pub(crate) fn pass(&mut self, offset: i64) -> bool {
        let moves = self.next.is_none_or(|next| next < offset);
        if moves {
            self.next = Some(offset);
            self.drop_resumed_below(offset);
        }
        moves
    }

    fn was_settled(&mut self, offset: i64) -> bool {
        self.drop_resumed_below(offset);
        self.resumed.front().is_some_and(|(from, _)| *from <= offset)
    }

    fn drop_resumed_below(&mut self, offset: i64) {
        while self.resumed.front().is_some_and(|(_, to)| *to < offset) {
            self.resumed.pop_front();
        }
    }

    fn add(&mut self, offset: i64) {
        match self.runs.back_mut() {
            Some(run) if run.offset + run.len as i64 == offset => run.len += 1,
            _ => self.runs.push_back(Run {
                offset,
                number: self.taken,
                len: 1,
            }),
        }
        let bit = (self.taken - self.base) as usize;
        if bit / 64 == self.words.len() {
            self.words.push_back(0);
        }
        self.words[bit / 64] |= 1 << (bit % 64);
        self.taken += 1;
        self.unsettled += 1;
        self.first.get_or_insert(offset);
        self.next = Some(offset + 1);
    }

    /// Settles those of the 64 offsets from `from` on whose bits are set, and returns how many of them were unsettled.
    pub(crate) fn settle(&mut self, from: i64, records: u64) -> usize {
        let mut settled = 0;
        let mut left = records;
        let mut index = self
            .runs
            .partition_point(|run| run.offset + run.len as i64 <= from);
        while left != 0
            && let Some(run) = self.runs.get(index)
        {
            // The run's part of the 64 offsets, as bits of `records`.
            let begin = run.offset.saturating_sub(from).clamp(0, 64) as u32;
            let end = (run.offset + run.len as i64).saturating_sub(from).clamp(0, 64) as u32;
            let part = left & below(end) & !below(begin);
            if begin == 64 {
                break;
            }
            if part != 0 {
                let first = from + i64::from(begin);
                let number = run.number + (first - run.offset) as u64;
                settled += self.clear(number, part >> begin);
                let last = from + i64::from(63 - part.leading_zeros());
                self.highest_settled = self.highest_settled.max(Some(last));
            }
            left &= !below(end);
            index += 1;
        }
        self.unsettled -= settled;
        self.forget();
        settled + self.settle_again(from, records)
    }

    /// Makes those of the 64 offsets from `from` on whose bits are set unsettled again.
    pub(crate) fn take_back(&mut self, from: i64, records: u64) {
        self.taken_back.extend(offsets(from, records));
    }

    fn settle_again(&mut self, from: i64, records: u64) -> usize {
        if self.taken_back.is_empty() {
            return 0;
        }
        let again = offsets(from, records).filter(|offset| self.taken_back.remove(offset));
        again.count()
    }

    /// The next offset to read if the service ended now: that of the oldest unsettled record, else the one after all that was
    /// read. `None` before anything was read.
    pub(crate) fn watermark(&self) -> Option<i64> {
        let first = self.taken_back.first().copied();
        self.read_watermark()
            .map(|watermark| first.map_or(watermark, |first| watermark.min(first)))
    }

    /// The watermark without regard to what was taken back.
    fn read_watermark(&self) -> Option<i64> {
        match self.oldest_unsettled() {
            Some(number) => self.offset_of(number),
            None => self.next.map(|next| self.after_settled(next)),
        }
    }

    /// The offset itself, or the one after the range that has it and was settled under an earlier assignment.
    fn after_settled(&self, offset: i64) -> i64 {
        let own = self
            .resumed
            .iter()
            .find(|(from, to)| (*from..=*to).contains(&offset));
        own.map_or(offset, |(_, to)| to + 1)
    }

    fn oldest_unsettled(&self) -> Option<u64> {
        let index = self.words.iter().position(|word| *word != 0)?;
        Some(self.base + index as u64 * 64 + u64::from(self.words[index].trailing_zeros()))
    }

    /// The settled offsets ahead of the watermark, in ascending ranges. A range may span offsets that are never delivered.
    pub(crate) fn ahead(&self) -> impl Iterator<Item = (i64, i64)> {
        let first = self.taken_back.first().copied().zip(self.read_watermark());
        let below = first.map(|(first, watermark)| (first, watermark - 1));
        let below = below.filter(|(first, last)| first <= last);
        let all = below.into_iter().chain(self.read_ahead());
        all.flat_map(|range| self.without_taken_back(range))
    }

    /// The parts of a range between the offsets that were taken back.
    fn without_taken_back(&self, (from, to): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
        let mut from = Some(from);
        let mut holes = self.taken_back.range(from.unwrap_or(to)..=to);
        std::iter::from_fn(move || {
            loop {
                let begin = from?;
                let Some(hole) = holes.next() else {
                    from = None;
                    return (begin <= to).then_some((begin, to));
                };
                from = hole.checked_add(1);
                if begin < *hole {
                    return Some((begin, hole - 1));
                }
            }
        })
    }

    /// What is ahead without regard to what was taken back.
    fn read_ahead(&self) -> impl Iterator<Item = (i64, i64)> {
        let mut number = self.oldest_unsettled().unwrap_or(self.taken);
        let own = std::iter::from_fn(move || {
            let start = self.next_bit(number, false)?;
            number = self.next_bit(start, true).unwrap_or(self.taken);
            Some((self.offset_of(start)?, self.offset_of(number - 1)?))
        });
        // Ranges up to the watermark are left out.
        let next = self.next.map_or(i64::MIN, |next| match self.oldest_unsettled() {
            Some(_) => next,
            None => self.after_settled(next),
        });
        let unread = self
            .resumed
            .iter()
            .filter(move |(_, to)| *to >= next)
            .map(move |(from, to)| ((*from).max(next), *to));
        // The part of a range that was read again adjoins the rest of it.
        joined(own.chain(unread))
    }

    /// The first record from number `from` on whose bit equals `set`.
    fn next_bit(&self, from: u64, set: bool) -> Option<u64> {
        let mut number = from;
        while number < self.taken {
            let bit = number - self.base;
            let word = self.words[(bit / 64) as usize];
            let rest = if set { word } else { !word } >> (bit % 64);
            if rest != 0 {
                let found = number + u64::from(rest.trailing_zeros());
                return (found < self.taken).then_some(found);
            }
            number += 64 - bit % 64;
        }
        None
    }

    /// The offset after all that was read, and after the settled range of an earlier assignment that follows. `None` before
    /// anything was read.
    pub(crate) fn next(&self) -> Option<i64> {
        self.next.map(|next| self.after_settled(next))
    }

    /// The highest offset that is settled.
    pub(crate) fn highest_settled(&self) -> Option<i64> {
        self.highest_settled
    }

    /// How many offsets there are from the watermark to the newest record.
    pub(crate) fn span(&self) -> u64 {
        let newest = self.next.max(self.resumed.back().map(|(_, to)| to + 1));
        let span = newest
            .zip(self.watermark())
            .map(|(newest, watermark)| newest - watermark);
        u64::try_from(span.unwrap_or(0)).unwrap_or(0)
    }

    /// How many ranges of an earlier assignment are not read again yet.
    pub(crate) fn unread(&self) -> usize {
        self.resumed.len()
    }

    /// How many offsets are settled, but neither below the `committed` offset nor in the ranges `kept` with it. Offsets without a record
    /// count too, because the tracker forgets which offsets below the watermark had one.
    pub(crate) fn settled_beyond(&self, committed: i64, kept: &Ahead) -> u64 {
        let Some((first, watermark)) = self.first.zip(self.watermark()) else {
            return 0;
        };
        let below = (committed.max(first), watermark - 1);
        let settled = std::iter::once(below).chain(self.ahead());
        let lengths = settled.map(|(from, to)| {
            let overlaps = kept
                .ranges()
                .iter()
                .map(|(begin, end)| length(from.max(*begin), to.min(*end)));
            length(from, to).saturating_sub(overlaps.sum())
        });
        lengths.sum()
    }

    /// How many records are unsettled.
    pub(crate) fn unsettled(&self) -> usize {
        self.unsettled + self.taken_back.len()
    }

    fn offset_of(&self, number: u64) -> Option<i64> {
        let index = self.runs.partition_point(|run| run.number + run.len <= number);
        self.runs
            .get(index)
            .map(|run| run.offset + (number - run.number) as i64)
    }

    /// Clears bits of the 64 records from number `number` on, and returns how many of them were set.
    fn clear(&mut self, number: u64, mut records: u64) -> usize {
        // Records before the base are settled already.
        let behind = self.base.saturating_sub(number);
        records = if behind < 64 { records >> behind } else { 0 };
        let bit = number.max(self.base) - self.base;
        let (index, shift) = ((bit / 64) as usize, bit % 64);
        let high = if shift == 0 { 0 } else { records >> (64 - shift) };
        self.clear_in(index, records << shift) + self.clear_in(index + 1, high)
    }

    fn clear_in(&mut self, index: usize, mask: u64) -> usize {
        let Some(word) = self.words.get_mut(index).filter(|_| mask != 0) else {
            return 0;
        };
        let cleared = (*word & mask).count_ones() as usize;
        *word &= !mask;
        cleared
    }

    /// Drops the records before the oldest unsettled one, in whole words.
    fn forget(&mut self) {
        // The last word stays until it is full, because records are still added to it.
        while self.words.front() == Some(&0) && self.taken - self.base >= 64 {
            self.words.pop_front();
            self.base += 64;
        }
        while self
            .runs
            .front()
            .is_some_and(|run| run.number + run.len <= self.base)
        {
            // The newest run stays, so that the next record can continue it.
            if self.runs.len() == 1 {
                break;
            }
            self.runs.pop_front();
        }
    }
}

/// The offsets of the bits that are set; bit 0 is `from`.
fn offsets(from: i64, mut records: u64) -> impl Iterator<Item = i64> {
    std::iter::from_fn(move || {
        let bit = records.trailing_zeros();
        records &= records.wrapping_sub(1);
        (bit < 64).then(|| from + i64::from(bit))
    })
}

/// How many offsets there are from `from` to `to`, both included.
fn length(from: i64, to: i64) -> u64 {
    u64::try_from(to - from + 1).unwrap_or(0)
}

/// The bits below a bit.
fn below(bit: u32) -> u64 {
    if bit < 64 { (1 << bit) - 1 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_committed_before_the_first_record() {
        assert_eq!(Tracker::default().watermark(), None);
    }

    #[test]
    fn the_watermark_waits_for_the_oldest_unsettled_record() {
        let mut tracker = Tracker::default();
        for offset in 10..13 {
            assert!(tracker.take(offset));
        }
        assert_eq!(tracker.settle(11, 0b11), 2);
        assert_eq!(tracker.watermark(), Some(10));
        assert_eq!(tracker.settle(10, 1), 1);
        assert_eq!(tracker.watermark(), Some(13));
    }

    #[test]
    fn a_gap_blocks_nothing_and_costs_nothing() {
        let mut tracker = Tracker::default();
        tracker.take(5);
        tracker.take(i64::MAX - 1);
        assert_eq!(tracker.watermark(), Some(5));
        tracker.settle(5, 1);
        assert_eq!(tracker.watermark(), Some(i64::MAX - 1));
        assert!(tracker.words.len() <= 1);
    }

    #[test]
    fn the_watermark_passes_offsets_without_a_record_when_all_before_them_is_settled() {
        let mut tracker = Tracker::default();
        tracker.take(7);
        assert!(tracker.pass(10), "a transaction's end and two aborted records");
        assert_eq!(tracker.watermark(), Some(7));
        tracker.settle(7, 1);
        assert_eq!(tracker.watermark(), Some(10));
        assert!(!tracker.pass(10) && !tracker.pass(8), "nothing new");
        assert!(!tracker.take(9), "it was passed");
        assert!(tracker.take(10));
        assert_eq!(tracker.watermark(), Some(10));
    }

    #[test]
    fn a_partition_without_a_record_has_a_watermark_once_its_end_is_read() {
        let mut tracker = Tracker::default();
        assert!(tracker.pass(4));
        assert_eq!((tracker.watermark(), tracker.unsettled()), (Some(4), 0));
    }

    #[test]
    fn what_was_settled_before_and_is_passed_is_not_reported_as_ahead() {
        let ahead = Ahead::decode(
            &Ahead::encode(None, 10, [(11, 13), (15, 19)]).expect("ranges"),
            None,
            10,
        );
        let mut tracker = Tracker::resume(&ahead);
        tracker.take(10);
        tracker.pass(16);
        assert_eq!((tracker.watermark(), tracker.unread()), (Some(10), 1));
        tracker.settle(10, 1);
        assert_eq!(tracker.watermark(), Some(20));
        assert_eq!(tracker.ahead().next(), None);
    }

    #[test]
    fn a_record_delivered_twice_is_not_taken_twice() {
        let mut tracker = Tracker::default();
        assert!(tracker.take(7));
        assert!(!tracker.take(7));
        assert!(!tracker.take(3));
    }

    #[test]
    fn the_highest_settled_offset_is_that_of_a_record() {
        let mut tracker = Tracker::default();
        tracker.take(3);
        tracker.take(7);
        assert_eq!(tracker.highest_settled(), None);
        tracker.settle(0, below(6));
        assert_eq!(tracker.highest_settled(), Some(3));
        tracker.settle(4, u64::MAX);
        assert_eq!(tracker.highest_settled(), Some(7));
    }

    #[test]
    fn settling_what_is_settled_or_unknown_counts_nothing() {
        let mut tracker = Tracker::default();
        tracker.take(1);
        assert_eq!(tracker.settle(0, u64::MAX), 1);
        assert_eq!(tracker.settle(0, u64::MAX), 0);
        assert_eq!(tracker.unsettled(), 0);
    }

    #[test]
    fn memory_is_given_back_when_records_are_settled() {
        let mut tracker = Tracker::default();
        for offset in 0..100_000 {
            tracker.take(offset * 2);
            tracker.settle(offset * 2, 1);
        }
        assert!(
            tracker.words.len() <= 1 && tracker.runs.len() <= 65,
            "{} words",
            tracker.words.len()
        );
    }

    #[test]
    fn what_was_settled_before_is_not_taken_again() {
        let mut tracker = Tracker::default();
        for offset in 10..20 {
            tracker.take(offset);
        }
        tracker.settle(12, 0b11);
        tracker.settle(15, 0b11111);
        let metadata = Ahead::encode(None, 10, tracker.ahead()).expect("something is ahead");
        let mut again = Tracker::resume(&Ahead::decode(&metadata, None, 10));
        let taken: Vec<_> = (10..21).filter(|offset| again.take(*offset)).collect();
        assert_eq!(taken, [10, 11, 14, 20]);
        assert_eq!(again.ahead().collect::<Vec<_>>(), [(12, 13), (15, 19)]);
        again.settle(10, 0b11111);
        assert_eq!(again.watermark(), Some(20));
        assert_eq!(again.ahead().next(), None);
    }

    #[test]
    fn the_watermark_passes_over_what_was_settled_before_and_is_not_read_again_yet() {
        let ahead = Ahead::decode(
            &Ahead::encode(None, 10, [(11, 13), (15, 19)]).expect("ranges"),
            None,
            10,
        );
        let mut tracker = Tracker::resume(&ahead);
        tracker.take(10);
        tracker.settle(10, 1);
        assert_eq!(tracker.watermark(), Some(14));
        assert_eq!(tracker.ahead().collect::<Vec<_>>(), [(15, 19)]);
    }

    #[test]
    fn what_is_not_read_again_yet_stays_ahead() {
        let ahead = Ahead::decode(
            &Ahead::encode(None, 10, [(12, 13), (15, 19)]).expect("ranges"),
            None,
            10,
        );
        let mut tracker = Tracker::resume(&ahead);
        tracker.take(10);
        tracker.take(11);
        tracker.take(12);
        assert_eq!(tracker.ahead().collect::<Vec<_>>(), [(12, 13), (15, 19)]);
    }

    #[test]
    fn a_range_that_was_read_again_in_part_stays_one_range() {
        let resume = |offset, ahead| {
            Tracker::resume(&Ahead::decode(
                &Ahead::encode(None, offset, ahead).expect("ranges"),
                None,
                offset,
            ))
        };
        let mut second = resume(10, vec![(12, 30)]);
        (10..20).for_each(|offset| _ = second.take(offset));
        second.settle(10, 1);
        // Only 11 is unsettled: the next owner handles it, and nothing else.
        let watermark = second.watermark().expect("records were taken");
        let mut third = resume(watermark, second.ahead().collect());
        third.take(watermark);
        third.settle(watermark, 1);
        assert_eq!((watermark, third.watermark()), (11, Some(31)));
    }

    proptest! {
        /// In each life the service reads some records, settles some of them, and ends.
        #[test]
        fn each_restart_repeats_just_the_unsettled_records(
            gaps in prop::collection::vec(1..4_i64, 1..200),
            lives in prop::collection::vec((0..100_usize, prop::collection::vec(any::<bool>(), 100)), 1..8),
        ) {
            let log: Vec<i64> = gaps.iter().scan(0, |sum, gap| { *sum += gap; Some(*sum) }).collect();
            let mut settled = BTreeSet::new();
            let (mut committed, mut metadata) = (0, String::new());
            for (read, settles) in lives {
                let mut tracker = Tracker::resume(&Ahead::decode(&metadata, None, committed));
                let rest = log.iter().copied().filter(|offset| *offset >= committed);
                for (offset, settles) in rest.take(read).zip(settles) {
                    prop_assert_eq!(tracker.take(offset), !settled.contains(&offset), "{} of {:?}", offset, settled);
                    if settles {
                        tracker.settle(offset, 1);
                        settled.insert(offset);
                    }
                }
                let Some(watermark) = tracker.watermark() else { continue };
                let passed = log.iter().filter(|offset| (committed..watermark).contains(offset));
                prop_assert!(passed.clone().all(|offset| settled.contains(offset)), "{:?} passed", passed.collect::<Vec<_>>());
                let ahead: Vec<_> = tracker.ahead().collect();
                metadata = Ahead::encode(None, watermark, ahead.iter().copied()).unwrap_or_default();
                let read = Ahead::decode(&metadata, None, watermark);
                prop_assert_eq!(read.ranges(), ahead);
                committed = watermark;
            }
        }

        /// A transaction holds records that are settled and takes them back, again and again.
        #[test]
        fn what_is_taken_back_is_unsettled_until_it_is_settled_again(
            steps in prop::collection::vec((0..4u8, 1..3i64, any::<prop::sample::Index>(), any::<u64>()), 1..300)
        ) {
            let mut tracker = Tracker::default();
            let (mut unsettled, mut settled) = (BTreeSet::new(), BTreeSet::new());
            let mut next = 100;
            for (step, gap, pick, records) in steps {
                let from = 95 + pick.index((next - 90) as usize) as i64;
                let meant = |offset: &i64| records & (1 << (offset - from)) != 0;
                if step < 2 {
                    next += gap;
                    tracker.take(next - 1);
                    unsettled.insert(next - 1);
                } else if step == 2 {
                    let moved: Vec<i64> = unsettled.range(from..from + 64).copied().filter(meant).collect();
                    prop_assert_eq!(tracker.settle(from, records), moved.len());
                    moved.iter().for_each(|offset| { unsettled.remove(offset); settled.insert(*offset); });
                } else {
                    let moved: Vec<i64> = settled.range(from..from + 64).copied().filter(meant).collect();
                    let bits = moved.iter().fold(0, |bits, offset| bits | 1 << (offset - from));
                    tracker.take_back(from, bits);
                    moved.iter().for_each(|offset| { settled.remove(offset); unsettled.insert(*offset); });
                }
                prop_assert_eq!(tracker.unsettled(), unsettled.len());
                let Some(watermark) = tracker.watermark() else { continue };
                prop_assert_eq!(watermark, unsettled.first().copied().unwrap_or(next));
                let metadata = Ahead::encode(None, watermark, tracker.ahead()).unwrap_or_default();
                let mut again = Tracker::resume(&Ahead::decode(&metadata, None, watermark));
                let all = unsettled.union(&settled).copied();
                let taken: Vec<i64> = all.filter(|offset| *offset >= watermark && again.take(*offset)).collect();
                prop_assert!(taken.iter().eq(&unsettled));
            }
        }

        #[test]
        fn it_agrees_with_a_set_of_unsettled_offsets(
            steps in prop::collection::vec((1..5i64, any::<prop::sample::Index>(), any::<u64>(), any::<bool>()), 1..400)
        ) {
            let mut tracker = Tracker::default();
            let mut unsettled = BTreeSet::new();
            let mut next = 100;
            for (gap, pick, records, settle) in steps {
                if settle {
                    let from = 95 + pick.index((next - 90) as usize) as i64;
                    let meant = |offset: &i64| records & (1 << (offset - from)) != 0;
                    let expected: Vec<_> = unsettled.range(from..from + 64).copied().filter(meant).collect();
                    prop_assert_eq!(tracker.settle(from, records), expected.len());
                    for offset in expected {
                        unsettled.remove(&offset);
                    }
                } else {
                    next += gap;
                    prop_assert!(tracker.take(next - 1));
                    unsettled.insert(next - 1);
                }
                prop_assert_eq!(tracker.unsettled(), unsettled.len());
                let lowest = unsettled.first().copied().or_else(|| (next > 100).then_some(next));
                prop_assert_eq!(tracker.watermark(), lowest);
            }
        }
    }
}
