//! The state of one assigned partition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::head::Head;
use super::repeats::Repeats;
use crate::assignment::Assignment;
use crate::assignment::Hold;
use crate::assignment::{Fate, Report};
use crate::engine::commit::{Ahead, Tracker};
use crate::engine::watchdog::{Lasting, Said};
use crate::source::CommitOffset;

/// How many characters brokers accept with an offset by default (`offset.metadata.max.bytes`).
const METADATA: usize = 4096;

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) assignment: Arc<Assignment>,
    /// Whether it is being given back: nothing more is read.
    pub(super) ending: bool,
    /// Whether another member may have it already: nothing more is committed.
    pub(super) lost: bool,
    tracker: Tracker,
    /// How many records were given up; they stay unsettled for ever.
    abandoned: usize,
    /// Those of them that had begun.
    given_up: Repeats,
    /// The commit that was requested last.
    requested: Option<Commit>,
    /// The commit that is known to have succeeded.
    committed: Option<Commit>,
    /// Bytes of its unsettled records.
    held_bytes: usize,
    /// The mean size of a record, to guess how many fit the budget.
    mean_size: usize,
    /// The oldest unsettled record, which holds up all later commits, and since when.
    held_up: Option<(i64, Instant)>,
    standstill: Lasting<i64>,
    /// How many characters may be kept with its offset.
    metadata: usize,
    /// Whether everything that is settled must always fit into the metadata of one commit.
    bounded: bool,
    /// How long its records wait before they are handled, if its topic is a retry topic.
    pub(super) delay: Option<Duration>,
    /// Its next record, if that is not due yet.
    pub(super) head: Option<Head>,
}

/// An offset, and its metadata.
type Commit = (i64, Option<String>);

impl Partition {
    /// `patience` is how long its watermark may stand still before that is logged.
    pub(super) fn new(assignment: Arc<Assignment>, patience: Duration) -> Self {
        Self {
            tracker: Tracker::resume(&Ahead::of(&assignment)),
            assignment,
            ending: false,
            lost: false,
            abandoned: 0,
            given_up: Repeats::default(),
            requested: None,
            committed: None,
            held_bytes: 0,
            mean_size: 256,
            held_up: None,
            standstill: Lasting::new(patience),
            metadata: METADATA,
            bounded: false,
            delay: None,
            head: None,
        }
    }

    /// A partition of which no more records are read than one commit can report as settled.
    pub(super) fn bounded(assignment: Arc<Assignment>, patience: Duration) -> Self {
        Self {
            bounded: true,
            ..Self::new(assignment, patience)
        }
    }

    /// How many of its records may be unsettled; at most `max_unsettled`.
    pub(super) fn most_unsettled(&self, max_unsettled: usize) -> usize {
        if !self.bounded {
            return max_unsettled;
        }
        let ranges = Ahead::room(self.tracker.span()).saturating_sub(self.tracker.unread());
        // One settles in its turn, and makes no range.
        max_unsettled.min(ranges.max(1))
    }

    /// The record that holds it up, with its assignment, if that should be logged now.
    pub(super) fn held_up_to_tell(&mut self, now: Instant) -> Option<(u64, i64)> {
        let (offset, since) = self.held_up(now)?;
        let due = self
            .standstill
            .is_due(&offset, now.saturating_duration_since(since));
        due.then(|| (self.assignment.id(), offset))
    }

    /// The record that holds it up.
    pub(super) fn held_up_at(&self) -> Option<i64> {
        self.held_up.map(|(offset, _)| offset)
    }

    /// What to log about its standing still.
    pub(super) fn look(&mut self, now: Instant) -> Said<i64> {
        let held_up = self.held_up(now);
        self.standstill.look(held_up, now)
    }

    /// Why the record at this offset is unsettled, if no shard has it.
    pub(super) fn why_elsewhere(&self, offset: i64) -> &'static str {
        if self.assignment.has_dead_letter(offset) {
            "its dead letter or error event is not written yet"
        } else if offset <= self.assignment.highest_handed() {
            "it was handled, and waits for its messages to be delivered"
        } else {
            "it was given up"
        }
    }

    fn held_up(&mut self, now: Instant) -> Option<(i64, Instant)> {
        // A partition that is given back has a deadline of its own.
        let waits = self.tracker.unsettled() > 0 && !self.ending;
        let offset = self.tracker.watermark().filter(|_| waits);
        if offset != self.held_up_at() {
            self.held_up = offset.map(|offset| (offset, now));
        }
        self.held_up
    }

    /// Counts a record as read; `false` if it was read before.
    #[inline]
    pub(super) fn take(&mut self, offset: i64) -> bool {
        self.tracker.take(offset)
    }

    /// Moves past offsets that hold no record. Returns whether there were new ones.
    #[inline]
    pub(super) fn pass(&mut self, offset: i64) -> bool {
        self.tracker.pass(offset)
    }

    /// Reads no further than this record until it is due. If the group has committed nothing, this offset is committed as the start: else
    /// a group that starts at the end of a topic would skip the record after a restart.
    pub(super) fn hold(&mut self, head: Head) {
        self.tracker.begin(head.offset());
        self.head = Some(head);
    }

    /// How many more records may be read within these bounds.
    pub(super) fn room(&self, max_unsettled: usize, free_bytes: usize) -> usize {
        let records = self
            .most_unsettled(max_unsettled)
            .saturating_sub(self.tracker.unsettled());
        // One is always allowed, so that a record larger than the free bytes is handled, too.
        records.min((free_bytes / self.mean_size).max(1))
    }

    /// Adds records that were read to its bytes, and to the mean size.
    pub(super) fn read(&mut self, records: usize, bytes: usize) {
        self.held_bytes += bytes;
        if let Some(mean) = bytes.checked_div(records) {
            self.mean_size = ((self.mean_size + mean) / 2).max(1);
        }
    }

    /// Bytes of its unsettled records.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a report into account.
    pub(super) fn apply(&mut self, report: &Report) {
        self.held_bytes = self.held_bytes.saturating_sub(report.bytes);
        let records = report.records.count_ones() as usize;
        match report.fate {
            Fate::Settled => {
                self.tracker.settle(report.from, report.records);
                return;
            }
            Fate::TakenBack => return self.tracker.take_back(report.from, report.records),
            Fate::GivenUp => {}
            Fate::Failed => self.given_up.waiting += records,
            Fate::Undelivered => self.given_up.undelivered += records,
        }
        self.abandoned += records;
    }

    pub(super) fn unsettled(&self) -> usize {
        self.tracker.unsettled()
    }

    /// The highest offset that is settled.
    pub(super) fn highest_settled(&self) -> Option<i64> {
        self.tracker.highest_settled()
    }

    /// Whether no record is in flight: those that are unsettled were given up.
    pub(super) fn is_drained(&self) -> bool {
        self.tracker.unsettled() <= self.abandoned
    }

    /// The offset to commit, if there is a new one. Before anything is settled it is where reading began: once that is committed, a
    /// group that starts at the end of a topic does not skip what arrived before its first commit.
    ///
    /// With `ahead`, what is settled above it is kept in its metadata.
    pub(super) fn next_commit(&mut self, ahead: bool) -> Option<Commit> {
        let commit = self.to_commit(ahead).filter(|_| !self.lost);
        if commit == self.requested {
            return None;
        }
        self.requested.clone_from(&commit);
        commit
    }

    /// Addresses a commit to this partition's assignment.
    pub(super) fn addressed(&self, (offset, metadata): Commit) -> CommitOffset {
        CommitOffset {
            assignment: Arc::clone(&self.assignment),
            offset,
            metadata,
        }
    }

    /// Whether something is settled whose commit was not requested.
    pub(super) fn has_news(&self) -> bool {
        let commit = self.to_commit(true).filter(|_| !self.lost);
        commit.is_some() && commit != self.requested
    }

    /// Whether one commit can report everything that is settled.
    pub(super) fn fits(&self) -> bool {
        self.tracker
            .watermark()
            .is_none_or(|watermark| Ahead::fits(self.assignment.topic_id(), watermark, self.tracker.ahead()))
    }

    /// The offset after all records that were read, unless it is known to be committed; its metadata has what was settled above it before.
    pub(super) fn next_precommit(&self) -> Option<Commit> {
        let next = self.tracker.next().filter(|_| !self.ending)?;
        if self.committed_offset() == Some(next) {
            return None;
        }
        let unread = self.tracker.ahead().filter(|(from, _)| *from >= next);
        let metadata = Ahead::encode(self.assignment.topic_id(), next, unread);
        Some((next, metadata))
    }

    /// The offset that is known to be committed.
    pub(super) fn committed_offset(&self) -> Option<i64> {
        self.committed.as_ref().map(|(offset, _)| *offset)
    }

    /// The first offset that is committed and unsettled.
    pub(super) fn committed_unsettled(&self) -> Option<i64> {
        self.tracker
            .watermark()
            .filter(|offset| Some(*offset) < self.committed_offset())
    }

    /// Whether something is settled, can be committed, and is not known to be.
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
        let topic = self.assignment.topic_id();
        // A topic that is created again must not be mistaken for the old one. In transactions it must be kept all the same.
        let kept = ahead && (self.bounded || topic.is_some());
        let metadata = kept
            .then(|| Ahead::encode_in(self.metadata, topic, watermark, self.tracker.ahead()))
            .flatten();
        let is_held = self.assignment.hold().is_some_and(Hold::is_active);
        let metadata = if is_held {
            Some(Ahead::marked_held(metadata))
        } else {
            metadata
        };
        Some((watermark, metadata))
    }

    /// The broker has refused metadata of this length: the next commit keeps at most half of it.
    pub(super) fn keep_less(&mut self, refused: usize) {
        self.metadata = self.metadata.min(refused / 2);
    }

    /// Which records that were begun here the next owner will handle again.
    pub(super) fn repeats(&self) -> Repeats {
        if self.lost {
            return Repeats::default();
        }
        let topic = self.assignment.topic_id();
        let kept = match &self.committed {
            Some((offset, metadata)) => {
                let ahead = metadata.as_deref().unwrap_or_default();
                self.tracker
                    .settled_beyond(*offset, &Ahead::decode(ahead, topic, *offset))
            }
            None => self
                .tracker
                .settled_beyond(i64::MIN, &Ahead::of(&self.assignment)),
        };
        Repeats {
            in_flight: self.tracker.unsettled().saturating_sub(self.abandoned),
            uncommitted: usize::try_from(kept).unwrap_or(usize::MAX),
            ..self.given_up
        }
    }

    /// `orders/3`
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.assignment.topic(), self.assignment.partition())
    }

    /// `orders/3 (17 unfinished, the oldest unsettled offset is 40)`
    pub(super) fn describe_unsettled(&self) -> String {
        let name = self.name();
        let running = self.tracker.unsettled().saturating_sub(self.abandoned);
        let oldest = self.tracker.watermark().unwrap_or_default();
        format!("{name} ({running} unfinished, the oldest unsettled offset is {oldest})")
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

    fn assignment_of(topic_id: [u8; 16]) -> Arc<Assignment> {
        let assignment = Assignment::new(1, "t".into(), 0);
        assignment.identify(topic_id);
        Arc::new(assignment)
    }

    #[test]
    fn what_is_settled_ahead_is_kept_where_the_topics_id_is_known_or_transactions_need_it() {
        let unknown = || Arc::new(Assignment::new(1, "t".into(), 0));
        let of = |mut partition: Partition| {
            (7..10).for_each(|offset| _ = partition.take(offset));
            settle(&mut partition, 9);
            partition.next_commit(true).expect("one is ahead").1.is_some()
        };
        assert!(of(Partition::new(assignment_of([7; 16]), PATIENCE)));
        assert!(!of(Partition::new(unknown(), PATIENCE)));
        assert!(of(Partition::bounded(unknown(), PATIENCE)));
    }

    #[test]
    fn where_the_broker_takes_less_with_an_offset_less_is_kept_until_it_fits() {
        let mut partition = Partition::new(assignment_of([7; 16]), PATIENCE);
        (0..300).for_each(|offset| _ = partition.take(offset * 2));
        (1..300)
            .step_by(2)
            .for_each(|offset| settle(&mut partition, offset * 2));
        let mut refused = 0;
        while let Some((offset, Some(metadata))) = partition.next_commit(true)
            && metadata.len() > 100
        {
            partition.committed(offset, Some(&metadata), false);
            partition.keep_less(metadata.len());
            refused += 1;
        }
        assert!((2..9).contains(&refused), "{refused}");
        assert!(partition.requested.is_some());
    }

    #[test]
    fn what_was_begun_and_is_not_committed_will_be_repeated() {
        let mut partition = Partition::new(assignment_of([7; 16]), PATIENCE);
        (10..30).for_each(|offset| _ = partition.take(offset));
        let report = |offset, fate| Report {
            assignment: 1,
            from: offset,
            records: 1,
            bytes: 0,
            fate,
        };
        for offset in [10, 11, 14, 15] {
            settle(&mut partition, offset);
        }
        let (offset, metadata) = partition.next_commit(true).expect("some is settled");
        partition.committed(offset, metadata.as_deref(), true);
        assert_eq!(partition.repeats().uncommitted, 0);
        partition.apply(&report(12, Fate::Failed));
        partition.apply(&report(13, Fate::Undelivered));
        // The commit of these is not answered.
        settle(&mut partition, 20);
        settle(&mut partition, 16);
        (21..30).for_each(|offset| partition.apply(&report(offset, Fate::GivenUp)));
        let repeats = Repeats {
            waiting: 1,
            undelivered: 1,
            uncommitted: 2,
            in_flight: 3,
        };
        assert_eq!(partition.repeats(), repeats);
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
        let mut partition = Partition::new(assignment_of([7; 16]), PATIENCE);
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
