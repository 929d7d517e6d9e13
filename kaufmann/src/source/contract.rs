//! The contract of a source, and the events that it reports.

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
/// - An [`Assignment`] is announced before its records, which come in the order of their offsets; its id is greater than all before.
/// - After [`SourceEvent::Revoked`] no more of its records are read; this member keeps the partition until [`Source::release`].
/// - A partition has one assignment at a time: the next one is announced after the previous one is released or reported as lost.
/// - Each [`Source::commit`] is answered by one [`SourceEvent::Committed`], in the order of the calls.
pub trait Source: Send + 'static {
    /// Joins the group. From now on `waker` is called whenever there may be events or records.
    ///
    /// # Errors
    ///
    /// If the subscription is refused at once.
    fn start(&mut self, waker: Waker) -> Result<(), SourceError>;

    /// Adds the events since the last call: rebalances, answers to commits, errors.
    fn events(&mut self, events: &mut Vec<SourceEvent>);

    /// Passes up to `max` records of an assignment to the sink, until it breaks, and returns how many. 0 means that none are
    /// available now. The record at which the sink broke counts; the next call continues after it.
    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize;

    /// The offset up to which an assignment has been read: after the last record passed to the sink, and after entries that follow it
    /// and are not records, such as the markers at a transaction's end, records of aborted transactions, and compacted ones. `None`
    /// if unknown; then the newest record decides.
    fn position(&mut self, _assignment: &Assignment) -> Option<i64> {
        None
    }

    /// Commits offsets, each the next one to read. Answered by [`SourceEvent::Committed`].
    fn commit(&mut self, offsets: Vec<CommitOffset>);

    /// Called when the service stops and its last commits have not been answered for a while: a source that can commit in another way
    /// does so from now on. The answers keep the order of the calls.
    fn hurry(&mut self) {}

    /// Gives revoked assignments back.
    fn release(&mut self, assignments: &[Arc<Assignment>]);

    /// The group's current identity of this member, for commits within [`Transactions`](crate::publish::Transactions). `None`
    /// if it is not a member, or if the source does not support such commits.
    fn member(&self) -> Option<Member> {
        None
    }

    /// Leaves the group, within about `patience`. The last call to a source.
    fn close(&mut self, patience: Duration);
}

/// Receives records, and breaks when it has no room for more.
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

/// A group's identity of one of its members. Its content is known to a source and the publisher that belongs to it.
#[derive(Clone)]
pub struct Member(Arc<dyn Any + Send + Sync>);

impl Member {
    /// A member with this identity.
    pub fn new(known_by: impl Any + Send + Sync) -> Self {
        Self(Arc::new(known_by))
    }

    /// The identity, if it has this type.
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

/// An offset to commit.
#[derive(Clone, Debug)]
pub struct CommitOffset {
    /// The assignment under which the records were handled.
    pub assignment: Arc<Assignment>,
    /// The next offset to read.
    pub offset: i64,
    /// The metadata to commit with it: which records above it are settled.
    pub metadata: Option<String>,
}

/// An event of a source, other than a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceEvent {
    /// These partitions are assigned to this member. If empty, the member has joined the group and has no partition yet.
    Assigned(Vec<Arc<Assignment>>),
    /// These must be given back. If `lost`, another member may have them already, and nothing can be committed.
    Revoked {
        /// The assignments.
        assignments: Vec<Arc<Assignment>>,
        /// Whether they are lost already.
        lost: bool,
    },
    /// The answer to a commit.
    Committed {
        /// The offsets.
        offsets: Vec<CommitOffset>,
        /// Whether they were committed.
        result: Result<(), SourceError>,
    },
    /// A trouble that may pass: no broker is reachable, a topic does not exist. The source keeps trying.
    Trouble(SourceError),
    /// All troubles are over.
    Recovered,
    /// The log no longer has the group's offset; reading continues elsewhere.
    OffsetOutOfRange(OffsetOutOfRange),
    /// The source has failed and cannot continue.
    Failed(SourceError),
}

/// An offset that a partition's log no longer has: records were deleted before the group read them, or the log was truncated
/// or created again.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OffsetOutOfRange {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset to be read next: the committed one, or the one after what was read last.
    pub offset: i64,
    /// The first offset that the log has.
    pub log_start: i64,
    /// The offset that the log's next record will have.
    pub log_end: i64,
}

impl OffsetOutOfRange {
    /// The upper bound of records deleted before they were read: the offsets in between. Transactions and compaction leave
    /// offsets without a record, so there may be fewer, or none.
    ///
    /// ```
    /// # fn reported(event: &kaufmann::source::OffsetOutOfRange) {
    /// assert_eq!(event.lost(), (event.log_start - event.offset).max(0));
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
                "begins at offset {log_start}: at most {lost} {records} deleted before being handled (this number includes transaction \
                 markers, and aborted and compacted records)"
            )
        } else {
            write!(
                f,
                "ends at offset {log_end}: it was truncated, or the topic was created again"
            )
        }
    }
}

/// An error of a source: what is wrong, where, and what to do about it, in one line.
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

    /// An error of a commit with more metadata than the brokers accept. The commit is repeated with less.
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
