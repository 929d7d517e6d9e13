//! What a source promises, and what it reports.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

pub use crate::assignment::Assignment;
pub use crate::base::waker::Waker;
pub use crate::record::RawRecord;

/// Delivers the records of the partitions that are assigned to this member of the consumer group.
///
/// The contract, which the poller relies on:
///
/// - No call blocks; when there is something new, the source calls the [`Waker`] given to [`Source::start`].
/// - An [`Assignment`] is announced before its records, in the order of their offsets; its id is greater than all before.
/// - After [`SourceEvent::Revoked`] no more of its records are read; the partition stays ours until [`Source::release`].
/// - A partition has one assignment at a time: another one is announced when the one before it is released or told as lost.
/// - Each [`Source::commit`] is answered by one [`SourceEvent::Committed`], in the order of the calls.
pub trait Source: Send + 'static {
    /// Joins the group. From now on `waker` is called whenever there may be events or records.
    ///
    /// # Errors
    ///
    /// If the subscription is refused at once.
    fn start(&mut self, waker: Waker) -> Result<(), SourceError>;

    /// Takes what happened since the last call: rebalances, answers to commits, errors.
    fn events(&mut self, events: &mut Vec<SourceEvent>);

    /// Hands over up to `max` records of an assignment, until the sink breaks off, and says how many there were. 0 means: none
    /// are here just now. The record at which the sink broke off was handed over; the next call goes on behind it.
    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize;

    /// The offset up to which an assignment has been read: behind the last record handed over, and behind what follows it and is no
    /// record, such as the marks at a transaction's end, records of aborted transactions, and those that compaction removed. `None`
    /// if that is unknown; then the newest record decides.
    fn position(&mut self, _assignment: &Assignment) -> Option<i64> {
        None
    }

    /// Commits offsets, each the next one to read. Answered by [`SourceEvent::Committed`].
    fn commit(&mut self, offsets: Vec<CommitOffset>);

    /// The service stops, and its last commits have not been answered for a while: a source that knows another way to commit takes it
    /// from now on. The answers keep the order of the calls.
    fn hurry(&mut self) {}

    /// Gives revoked assignments back.
    fn release(&mut self, assignments: &[Arc<Assignment>]);

    /// As whom the group knows this member just now, for commits within [`Transactions`](crate::publish::Transactions). `None`
    /// if it is no member, or if nobody can commit for it.
    fn member(&self) -> Option<Member> {
        None
    }

    /// Leaves the group, in about `patience` at most. Nothing is called afterwards.
    fn close(&mut self, patience: Duration);
}

/// Takes records, and says after each whether it has room for more.
pub type Sink<'s> = dyn FnMut(&RawRecord<'_>) -> ControlFlow<()> + 's;

impl<S: Source + ?Sized> Source for Box<S> {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        (**self).start(waker)
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        (**self).events(events);
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        (**self).read(assignment, max, sink)
    }

    fn position(&mut self, assignment: &Assignment) -> Option<i64> {
        (**self).position(assignment)
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        (**self).commit(offsets);
    }

    fn hurry(&mut self) {
        (**self).hurry();
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        (**self).release(assignments);
    }

    fn member(&self) -> Option<Member> {
        (**self).member()
    }

    fn close(&mut self, patience: Duration) {
        (**self).close(patience);
    }
}

/// As whom a group knows one of its members. What is in it is between a source and the publisher that goes with it.
#[derive(Clone)]
pub struct Member(Arc<dyn Any + Send + Sync>);

impl Member {
    /// A member that is known by this.
    pub fn new(known_by: impl Any + Send + Sync) -> Self {
        Self(Arc::new(known_by))
    }

    /// What it is known by, if it is of this type.
    #[must_use]
    pub fn known_by<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Member")
    }
}

/// An offset to commit: the next one that a reader of the partition should read.
#[derive(Clone, Debug)]
pub struct CommitOffset {
    /// The assignment under which the records were handled.
    pub assignment: Arc<Assignment>,
    /// The next offset to read.
    pub offset: i64,
    /// What is to be kept with it: which records above it are settled.
    pub metadata: Option<String>,
}

/// What happens to a source besides records.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceEvent {
    /// These partitions are ours from now on. Without any: the group has this member, and gives it no partition yet.
    Assigned(Vec<Arc<Assignment>>),
    /// These are to be given back. If `lost`, another member may have them already, and nothing can be committed.
    Revoked {
        /// The assignments.
        assignments: Vec<Arc<Assignment>>,
        /// Whether they are gone already.
        lost: bool,
    },
    /// The answer to a commit.
    Committed {
        /// What was to be committed.
        offsets: Vec<CommitOffset>,
        /// Whether it was.
        result: Result<(), SourceError>,
    },
    /// Something is wrong that may pass: no broker is reachable, a topic does not exist. The source goes on trying.
    Trouble(SourceError),
    /// What was wrong is over.
    Recovered,
    /// The log has no record any more where the group stood; it is read on elsewhere.
    OffsetOutOfRange(OffsetOutOfRange),
    /// The source cannot go on.
    Failed(SourceError),
}

/// A place in a partition that its log does not have any more: records were deleted before the group had read them, or the
/// log was cut off or made anew.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OffsetOutOfRange {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// What was to be read next: the committed offset, or the one behind what was read last.
    pub offset: i64,
    /// The first offset that the log has.
    pub log_start: i64,
    /// The offset that the log's next record will have.
    pub log_end: i64,
}

impl OffsetOutOfRange {
    /// How many records were deleted before they were read, at most: the offsets in between. Transactions and compaction leave
    /// offsets without a record, so there may be fewer, or none.
    ///
    /// ```
    /// # fn told(gone: &kaufmann::source::OffsetOutOfRange) {
    /// assert_eq!(gone.lost(), (gone.log_start - gone.offset).max(0));
    /// # }
    /// ```
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.log_start.saturating_sub(self.offset).max(0)
    }
}

/// `partition 3 of topic `orders`: offset 5 was to be read next, but the log begins at offset 20: at most 15 records …`
impl fmt::Display for OffsetOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topic,
            partition,
            offset,
            log_start,
            log_end,
        } = self;
        write!(
            f,
            "partition {partition} of topic `{topic}`: offset {offset} was to be read next, but the log "
        )?;
        if self.lost() > 0 {
            let lost = self.lost();
            let records = if lost == 1 { "record was" } else { "records were" };
            write!(
                f,
                "begins at offset {log_start}: at most {lost} {records} deleted before being handled (marks of transactions, aborted \
                 and compacted records count, too)"
            )
        } else {
            write!(
                f,
                "ends at offset {log_end}: it was cut off, or the topic was made anew"
            )
        }
    }
}

/// What is wrong with a source: what, where, and what to do about it, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct SourceError {
    text: String,
    too_much_kept: bool,
}

impl SourceError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            text: message.into(),
            too_much_kept: false,
        }
    }

    /// An error of a commit with more metadata than the brokers take. It is tried again with less.
    pub fn too_much_kept(message: impl Into<String>) -> Self {
        Self {
            too_much_kept: true,
            ..Self::new(message)
        }
    }

    pub(crate) fn is_too_much_kept(&self) -> bool {
        self.too_much_kept
    }
}
