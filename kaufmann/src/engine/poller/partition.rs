//! What the poller knows of one assigned partition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delayed::Head;
use crate::assignment::Assignment;
use crate::assignment::Hold;
use crate::assignment::{Fate, Report};
use crate::engine::commit::{Ahead, Tracker};
use crate::engine::watchdog::{Lasting, Said};

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) assignment: Arc<Assignment>,
    /// Whether it is to be given back: nothing more is read.
    pub(super) ending: bool,
    /// Whether another member may have it already: nothing more is committed.
    pub(super) lost: bool,
    tracker: Tracker,
    /// Records that were given up; they stay unsettled for ever.
    abandoned: usize,
    /// What was sent to be committed last.
    requested: Option<Commit>,
    /// What is known to be committed.
    committed: Option<Commit>,
    /// What its unsettled records take of the byte budget.
    held_bytes: usize,
    /// The mean size of a record, to guess how many fit the budget.
    mean_size: usize,
    /// The record that nothing behind can be committed before, and since when it is that one.
    held_up: Option<(i64, Instant)>,
    standstill: Lasting<i64>,
    /// Whether all that is settled must always fit the metadata of one commit.
    bounded: bool,
    /// How long its records wait, if its topic is a retry topic.
    pub(super) delay: Option<Duration>,
    /// The record that is not due yet.
    pub(super) head: Option<Head>,
}

/// An offset, and what is kept with it.
type Commit = (i64, Option<String>);

impl Partition {
    /// `patience` is how long its watermark may stand still before that is told.
    pub(super) fn new(assignment: Arc<Assignment>, patience: Duration) -> Self {
        Self {
            tracker: Tracker::resume(&Ahead::of(&assignment)),
            assignment,
            ending: false,
            lost: false,
            abandoned: 0,
            requested: None,
            committed: None,
            held_bytes: 0,
            mean_size: 256,
            held_up: None,
            standstill: Lasting::new(patience),
            bounded: false,
            delay: None,
            head: None,
        }
    }

    /// One of which only so much is taken that a commit can always say all that is settled.
    pub(super) fn bounded(assignment: Arc<Assignment>, patience: Duration) -> Self {
        Self {
            bounded: true,
            ..Self::new(assignment, patience)
        }
    }

    /// How many of its records may be unsettled, if `max_unsettled` may at most.
    pub(super) fn most_unsettled(&self, max_unsettled: usize) -> usize {
        if !self.bounded {
            return max_unsettled;
        }
        let ranges = Ahead::room(self.tracker.span()).saturating_sub(self.tracker.unread());
        // One settles in its turn, and makes no range.
        max_unsettled.min(ranges.max(1))
    }

    /// The record by which it is held up, with its assignment, if that is to be told now.
    pub(super) fn held_up_to_tell(&mut self, now: Instant) -> Option<(u64, i64)> {
        let (offset, since) = self.held_up(now)?;
        let due = self
            .standstill
            .is_due(&offset, now.saturating_duration_since(since));
        due.then(|| (self.assignment.id(), offset))
    }

    /// The record by which it is held up.
    pub(super) fn held_up_at(&self) -> Option<i64> {
        self.held_up.map(|(offset, _)| offset)
    }

    /// What is to be said of its standing still.
    pub(super) fn look(&mut self, now: Instant) -> Said<i64> {
        let held_up = self.held_up(now);
        self.standstill.look(held_up, now)
    }

    /// Why the record at this offset is unsettled, if no shard has it.
    pub(super) fn why_elsewhere(&self, offset: i64) -> &'static str {
        if self.assignment.has_letter(offset) {
            "its dead letter or error event is not written yet"
        } else if offset <= self.assignment.highest_handed() {
            "it was handled, and waits for its messages to be delivered"
        } else {
            "it was given up"
        }
    }

    fn held_up(&mut self, now: Instant) -> Option<(i64, Instant)> {
        // What ends has a deadline of its own.
        let waits = self.tracker.unsettled() > 0 && !self.ending;
        let offset = self.tracker.watermark().filter(|_| waits);
        if offset != self.held_up_at() {
            self.held_up = offset.map(|offset| (offset, now));
        }
        self.held_up
    }

    /// Counts a record in; `false` if it has been seen already.
    #[inline]
    pub(super) fn take(&mut self, offset: i64) -> bool {
        self.tracker.take(offset)
    }

    /// Moves past offsets that hold no record. Returns whether there were new ones.
    #[inline]
    pub(super) fn pass(&mut self, offset: i64) -> bool {
        self.tracker.pass(offset)
    }

    /// Reads no further than this record, until it is due. Where the group has committed nothing, that reading began here is something to
    /// commit: else a group that starts at the end of a topic jumped over it after a restart.
    pub(super) fn hold(&mut self, head: Head) {
        self.tracker.begin(head.offset());
        self.head = Some(head);
    }

    /// How many more records may be taken under these bounds.
    pub(super) fn room(&self, max_unsettled: usize, free_bytes: usize) -> usize {
        let records = self
            .most_unsettled(max_unsettled)
            .saturating_sub(self.tracker.unsettled());
        // One is always allowed, so that a record that is larger than what is free goes on.
        records.min((free_bytes / self.mean_size).max(1))
    }

    /// Charges records that were read, and learns how large they are.
    pub(super) fn read(&mut self, records: usize, bytes: usize) {
        self.held_bytes += bytes;
        if let Some(mean) = bytes.checked_div(records) {
            self.mean_size = ((self.mean_size + mean) / 2).max(1);
        }
    }

    /// What its unsettled records take of the byte budget.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a report into account.
    pub(super) fn apply(&mut self, report: &Report) {
        self.held_bytes = self.held_bytes.saturating_sub(report.bytes);
        match report.fate {
            Fate::Settled => _ = self.tracker.settle(report.from, report.records),
            Fate::GivenUp => self.abandoned += report.records.count_ones() as usize,
            Fate::TakenBack => self.tracker.take_back(report.from, report.records),
        }
    }

    pub(super) fn unsettled(&self) -> usize {
        self.tracker.unsettled()
    }

    /// The highest offset that is settled.
    pub(super) fn highest_settled(&self) -> Option<i64> {
        self.tracker.highest_settled()
    }

    /// Whether nothing runs any more: what is unsettled was given up.
    pub(super) fn is_drained(&self) -> bool {
        self.tracker.unsettled() <= self.abandoned
    }

    /// The offset to commit, if there is a new one. Before anything is settled that is where reading began: once it is
    /// committed, a group that starts at the end of a topic does not jump over what came before its first commit.
    ///
    /// With `ahead` what is settled above it is kept with it.
    pub(super) fn next_commit(&mut self, ahead: bool) -> Option<Commit> {
        let commit = self.to_commit(ahead).filter(|_| !self.lost);
        if commit == self.requested {
            return None;
        }
        self.requested.clone_from(&commit);
        commit
    }

    /// Whether something is settled, above the watermark or below, that was not sent to be committed.
    pub(super) fn has_news(&self) -> bool {
        let commit = self.to_commit(true).filter(|_| !self.lost);
        commit.is_some() && commit != self.requested
    }

    /// Whether a commit can say all that is settled.
    pub(super) fn fits(&self) -> bool {
        self.tracker
            .watermark()
            .is_none_or(|watermark| Ahead::fits(watermark, self.tracker.ahead()))
    }

    /// The offset behind all that was read, if it is not known to be committed, with what was settled above it before.
    pub(super) fn next_precommit(&self) -> Option<Commit> {
        let next = self.tracker.next().filter(|_| !self.ending)?;
        if self.committed_offset() == Some(next) {
            return None;
        }
        let unread = self.tracker.ahead().filter(|(from, _)| *from >= next);
        let metadata = Ahead::encode(next, unread);
        Some((next, metadata))
    }

    /// The offset that is known to be committed.
    pub(super) fn committed_offset(&self) -> Option<i64> {
        self.committed.as_ref().map(|(offset, _)| *offset)
    }

    /// The first offset that is committed and not settled.
    pub(super) fn committed_unsettled(&self) -> Option<i64> {
        self.tracker
            .watermark()
            .filter(|offset| Some(*offset) < self.committed_offset())
    }

    /// Whether something is settled that is not known to be committed, and can be.
    pub(super) fn is_dirty(&self, ahead: bool) -> bool {
        !self.lost && self.to_commit(ahead) != self.committed
    }

    /// A commit was answered.
    pub(super) fn committed(&mut self, offset: i64, metadata: Option<&str>, done: bool) {
        let is_this = |commit: &Commit| commit.0 == offset && commit.1.as_deref() == metadata;
        if done {
            self.committed = Some((offset, metadata.map(str::to_owned)));
        } else if self.requested.as_ref().is_some_and(is_this) {
            // Sent again with the next commit.
            self.requested.clone_from(&self.committed);
        }
    }

    fn to_commit(&self, ahead: bool) -> Option<Commit> {
        let watermark = self.tracker.watermark()?;
        let metadata = ahead
            .then(|| Ahead::encode(watermark, self.tracker.ahead()))
            .flatten();
        let is_held = self.assignment.hold().is_some_and(Hold::is_active);
        let metadata = if is_held {
            Some(Ahead::marked_held(metadata))
        } else {
            metadata
        };
        Some((watermark, metadata))
    }

    /// `orders/3 (17 records, the oldest at offset 40)`
    pub(super) fn describe_unsettled(&self) -> String {
        let (topic, partition) = (self.assignment.topic(), self.assignment.partition());
        let running = self.tracker.unsettled().saturating_sub(self.abandoned);
        let oldest = self.tracker.watermark().unwrap_or_default();
        format!("{topic}/{partition} ({running} unfinished, the oldest unsettled offset is {oldest})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn settle(partition: &mut Partition, offset: i64) {
        partition.apply(&Report {
            assignment: 1,
            from: offset,
            records: 1,
            bytes: 0,
            fate: Fate::Settled,
        });
    }

    #[test]
    fn nothing_of_a_lost_partition_is_committed_even_if_a_commit_of_it_failed_before() {
        let mut partition = Partition::new(Arc::new(Assignment::new(1, "t".into(), 0)), PATIENCE);
        partition.take(7);
        assert_eq!(partition.next_commit(false), Some((7, None)));
        partition.committed(7, None, false);
        assert!(partition.is_dirty(false));
        partition.lost = true;
        assert_eq!(
            (partition.next_commit(false), partition.is_dirty(false)),
            (None, false)
        );
    }

    #[test]
    fn a_refused_commit_that_only_said_more_of_what_is_ahead_is_sent_again() {
        let mut partition = Partition::new(Arc::new(Assignment::new(1, "t".into(), 0)), PATIENCE);
        for offset in 7..10 {
            partition.take(offset);
        }
        let (offset, metadata) = partition.next_commit(true).expect("where reading began");
        partition.committed(offset, metadata.as_deref(), true);
        assert!(!partition.is_dirty(true));
        settle(&mut partition, 9);
        assert!(partition.is_dirty(true) && !partition.is_dirty(false));
        let (offset, metadata) = partition.next_commit(true).expect("one is ahead");
        assert_eq!((offset, partition.next_commit(true)), (7, None));
        partition.committed(offset, metadata.as_deref(), false);
        assert!(partition.is_dirty(true));
        assert_eq!(partition.next_commit(true), Some((7, metadata.clone())));
        partition.committed(offset, metadata.as_deref(), true);
        assert!(!partition.is_dirty(true));
    }

    #[test]
    fn a_partition_stands_still_as_long_as_its_watermark_does_not_move_while_records_wait() {
        let mut partition = Partition::new(Arc::new(Assignment::new(1, "t".into(), 0)), PATIENCE);
        let start = Instant::now();
        assert_eq!(partition.held_up_to_tell(start), None, "nothing waits");
        for offset in 7..10 {
            partition.take(offset);
        }
        assert_eq!(partition.held_up_to_tell(start + PATIENCE), None, "it began now");
        settle(&mut partition, 8);
        let late = start + PATIENCE * 2;
        assert_eq!(partition.held_up_to_tell(late), Some((1, 7)));
        assert_eq!(partition.look(late).lasts, Some(PATIENCE));
        assert_eq!(partition.held_up_to_tell(late), None, "it was told");
        settle(&mut partition, 7);
        let said = partition.look(late + PATIENCE);
        assert_eq!((said.over, said.lasts), (Some((7, PATIENCE * 2)), None));
        assert_eq!(partition.held_up_at(), Some(9));
        settle(&mut partition, 9);
        assert_eq!(partition.look(late + PATIENCE * 9).over, None);
        assert_eq!(partition.held_up_at(), None);
    }

    proptest! {
        /// Records are read one by one and reported in any order, settled or given up.
        #[test]
        fn its_budget_is_that_of_the_records_that_were_not_reported(
            steps in prop::collection::vec((any::<bool>(), 1..5_000usize, any::<prop::sample::Index>()), 1..200),
            max_unsettled in 1..20usize,
        ) {
            let mut partition = Partition::new(Arc::new(Assignment::new(1, "t".into(), 0)), PATIENCE);
            let mut held: Vec<(i64, usize)> = Vec::new();
            let (mut next, mut given_up) = (0, 0);
            for (settled, size, pick) in steps {
                let room = partition.room(max_unsettled, 10_000);
                prop_assert!(room <= max_unsettled.saturating_sub(held.len() + given_up));
                prop_assert_eq!(room == 0, held.len() + given_up >= max_unsettled);
                if room > 0 && size % 3 > 0 {
                    prop_assert!(partition.take(next));
                    partition.read(1, size);
                    held.push((next, size));
                    next += 1;
                } else if !held.is_empty() {
                    let (offset, bytes) = held.swap_remove(pick.index(held.len()));
                    let fate = if settled { Fate::Settled } else { Fate::GivenUp };
                    let report = Report { assignment: 1, from: offset, records: 1, bytes, fate };
                    partition.apply(&report);
                    given_up += usize::from(!settled);
                }
                prop_assert_eq!(partition.held_bytes(), held.iter().map(|(_, size)| size).sum::<usize>());
                prop_assert_eq!(partition.unsettled(), held.len() + given_up);
                prop_assert_eq!(partition.is_drained(), held.is_empty());
            }
        }
    }
}
