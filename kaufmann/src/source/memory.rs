//! A source in memory, for tests: a [`MemoryFeed`] sets its topics, assignments, revocations and failing commits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Assignment, CommitOffset, Member, RawRecord, Sink, Source, SourceError, SourceEvent, Waker};

/// A source in memory and the feed that fills it.
///
/// ```
/// use kaufmann::source::{memory, MemoryRecord};
///
/// let (source, feed) = memory();
/// feed.assign("orders", 0);
/// assert_eq!(feed.push("orders", 0, MemoryRecord::new("payload").key("k1")), 0);
/// # drop(source);
/// ```
#[must_use]
pub fn memory() -> (MemorySource, MemoryFeed) {
    let feed = MemoryFeed(Arc::default());
    (MemorySource(feed.clone()), feed)
}

/// A source in memory, created by [`memory`].
#[derive(Debug)]
pub struct MemorySource(MemoryFeed);

/// Fills a [`MemorySource`], and controls what happens to it as a group member.
#[derive(Clone, Debug)]
pub struct MemoryFeed(Arc<Mutex<Inner>>);

/// A record for a [`MemoryFeed`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryRecord {
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
    timestamp: Option<i64>,
}

#[derive(Debug, Default)]
struct Inner {
    logs: BTreeMap<(String, i32), Log>,
    events: VecDeque<SourceEvent>,
    waker: Option<Waker>,
    failing_commits: usize,
    commits: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Log {
    /// `None` where an offset has no record.
    records: Vec<Option<MemoryRecord>>,
    committed: Option<i64>,
    metadata: Option<String>,
    assigned: Option<(Arc<Assignment>, usize)>,
    revoked: bool,
}

impl MemoryRecord {
    /// A record with this payload and nothing else.
    pub fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::default()
        }
    }

    /// A record without a payload.
    #[must_use]
    pub fn tombstone() -> Self {
        Self::default()
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Appends a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), Some(value.into())));
        self
    }

    /// Sets the time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }
}

impl MemoryFeed {
    /// Appends a record to a partition, which need not be assigned, and returns its offset.
    pub fn push(&self, topic: &str, partition: i32, record: MemoryRecord) -> i64 {
        let mut inner = self.lock();
        let log = inner.log(topic, partition);
        log.records.push(Some(record));
        let offset = log.records.len() as i64 - 1;
        inner.wake();
        offset
    }

    /// Appends offsets without a record, as transactions leave them at their end and where they were aborted. Returns the next offset.
    ///
    /// ```
    /// use kaufmann::source::{memory, MemoryRecord};
    ///
    /// let (source, feed) = memory();
    /// feed.push("orders", 0, MemoryRecord::new("payload"));
    /// assert_eq!(feed.gap("orders", 0, 2), 3);
    /// assert_eq!(feed.push("orders", 0, MemoryRecord::new("payload")), 3);
    /// # drop(source);
    /// ```
    pub fn gap(&self, topic: &str, partition: i32, offsets: usize) -> i64 {
        let mut inner = self.lock();
        let log = inner.log(topic, partition);
        log.records.extend(std::iter::repeat_n(None, offsets));
        let next = log.records.len() as i64;
        inner.wake();
        next
    }

    /// Assigns a partition to the source. It is read from the committed offset, else from the beginning.
    pub fn assign(&self, topic: &str, partition: i32) {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let assignment = Assignment::new(id, topic.into(), partition);
        // A topic in memory is never created again.
        assignment.identify([1; 16]);
        let mut inner = self.lock();
        let log = inner.log(topic, partition);
        let position = log.committed.unwrap_or(0) as usize;
        if let (Some(committed), Some(metadata)) = (log.committed, &log.metadata) {
            assignment.resume(committed, metadata.as_str());
        }
        let assignment = Arc::new(assignment);
        log.assigned = Some((Arc::clone(&assignment), position));
        log.revoked = false;
        inner.happen(SourceEvent::Assigned(vec![assignment]));
    }

    /// Revokes a partition.
    pub fn revoke(&self, topic: &str, partition: i32) {
        self.take_away(topic, partition, false);
    }

    /// Revokes a partition as lost: another member has it already.
    pub fn lose(&self, topic: &str, partition: i32) {
        self.take_away(topic, partition, true);
    }

    /// Commits offsets, if they are all of current assignments.
    pub(crate) fn commit(&self, offsets: &[CommitOffset]) -> Result<(), SourceError> {
        self.lock().try_commit(offsets)
    }

    /// Lets the next `count` commits fail.
    pub fn fail_commits(&self, count: usize) {
        self.lock().failing_commits = count;
    }

    /// The number of commits so far.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.lock().commits
    }

    /// The committed offset of a partition.
    #[must_use]
    pub fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        self.lock().log(topic, partition).committed
    }

    /// Whether the partition is assigned and not yet released.
    #[must_use]
    pub fn is_assigned(&self, topic: &str, partition: i32) -> bool {
        self.lock().log(topic, partition).assigned.is_some()
    }

    /// Whether the source has left its group.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The source of a member that joins after the previous one has left or died: it has no partitions yet.
    #[cfg(feature = "testing")]
    pub(crate) fn another_source(&self) -> MemorySource {
        let mut inner = self.lock();
        for log in inner.logs.values_mut() {
            log.assigned = None;
            log.revoked = false;
        }
        inner.events.clear();
        inner.waker = None;
        inner.closed = false;
        drop(inner);
        MemorySource(self.clone())
    }

    /// Sets the committed offset of a partition back, as if nothing from there on had been committed.
    #[cfg(feature = "testing")]
    pub(crate) fn rewind(&self, topic: &str, partition: i32, offset: i64) {
        let mut inner = self.lock();
        let log = inner.log(topic, partition);
        log.committed = Some(offset);
        log.metadata = None;
    }

    fn take_away(&self, topic: &str, partition: i32, lost: bool) {
        let mut inner = self.lock();
        let log = inner.log(topic, partition);
        let Some((assignment, _)) = &log.assigned else {
            return;
        };
        let assignments = vec![Arc::clone(assignment)];
        log.revoked = true;
        inner.happen(SourceEvent::Revoked { assignments, lost });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn log(&mut self, topic: &str, partition: i32) -> &mut Log {
        self.logs.entry((topic.to_owned(), partition)).or_default()
    }

    fn happen(&mut self, event: SourceEvent) {
        self.events.push_back(event);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }

    fn try_commit(&mut self, offsets: &[CommitOffset]) -> Result<(), SourceError> {
        self.commits += 1;
        if self.failing_commits > 0 {
            self.failing_commits -= 1;
            return Err(SourceError::new("this commit was set to fail"));
        }
        for CommitOffset { assignment, .. } in offsets {
            let log = self.log(assignment.topic(), assignment.partition());
            if log
                .assigned
                .as_ref()
                .is_none_or(|(own, _)| own.id() != assignment.id())
            {
                return Err(SourceError::new(format!("{assignment:?} is not assigned")));
            }
        }
        for CommitOffset {
            assignment,
            offset,
            metadata,
        } in offsets
        {
            let log = self.log(assignment.topic(), assignment.partition());
            log.committed = Some(*offset);
            log.metadata.clone_from(metadata);
        }
        Ok(())
    }
}

impl Source for MemorySource {
    fn start(&mut self, waker: Waker) -> Result<(), SourceError> {
        self.0.lock().waker = Some(waker);
        Ok(())
    }

    fn events(&mut self, events: &mut Vec<SourceEvent>) {
        events.extend(self.0.lock().events.drain(..));
    }

    fn read(&mut self, assignment: &Assignment, max: usize, sink: &mut Sink<'_>) -> usize {
        let mut inner = self.0.lock();
        let log = inner.log(assignment.topic(), assignment.partition());
        if log.revoked {
            return 0;
        }
        let Some((_, position)) = log
            .assigned
            .as_mut()
            .filter(|(own, _)| own.id() == assignment.id())
        else {
            return 0;
        };
        let mut count = 0;
        while count < max
            && let Some(record) = log.records.get(*position)
        {
            let offset = *position as i64;
            *position += 1;
            let Some(record) = record else { continue };
            count += 1;
            let headers: Vec<_> = record
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_deref()))
                .collect();
            let flow = sink(&RawRecord {
                offset,
                timestamp: record.timestamp,
                key: record.key.as_deref(),
                payload: record.payload.as_deref(),
                headers: &headers,
            });
            if flow.is_break() {
                break;
            }
        }
        count
    }

    fn position(&mut self, assignment: &Assignment) -> Option<i64> {
        let mut inner = self.0.lock();
        let log = inner.log(assignment.topic(), assignment.partition());
        let (own, position) = log.assigned.as_ref()?;
        // Nothing is read yet where it is still at its first offset: there is nothing to commit then.
        let is_read = own.id() == assignment.id() && *position > log.committed.unwrap_or(0) as usize;
        is_read.then_some(*position as i64)
    }

    fn commit(&mut self, offsets: Vec<CommitOffset>) {
        let mut inner = self.0.lock();
        let result = inner.try_commit(&offsets);
        inner.happen(SourceEvent::Committed { offsets, result });
    }

    fn release(&mut self, assignments: &[Arc<Assignment>]) {
        let mut inner = self.0.lock();
        for assignment in assignments {
            let log = inner.log(assignment.topic(), assignment.partition());
            if log
                .assigned
                .as_ref()
                .is_some_and(|(own, _)| own.id() == assignment.id())
            {
                log.assigned = None;
            }
        }
    }

    fn member(&self) -> Option<Member> {
        Some(Member::new(self.0.clone()))
    }

    fn close(&mut self, _patience: Duration) {
        self.0.lock().closed = true;
    }
}
