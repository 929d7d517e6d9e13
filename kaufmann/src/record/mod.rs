//! A record as read from Kafka: slices of the arena of its batch.

mod batch;
mod body;
mod buffer_pool;
mod buffers;
mod headers;
mod message;
pub(crate) mod names;
mod origin;
pub(crate) mod wire;

pub(crate) use batch::Batch;
pub use body::Body;
pub(crate) use buffer_pool::BufferPool;
pub(crate) use buffers::Entry;
pub use headers::Headers;
pub(crate) use headers::{encode_header, encode_header_with};
pub use message::{Message, MessageHeaders, Placement};
pub(crate) use origin::{Origin, SourcePlace};

use std::fmt;
use std::sync::Arc;

use kaufmann_avro::resolve::Plan;

use crate::assignment::{Assignment, Fate, Report};

/// A record. Cloning it is cheap: its bytes are shared with the records that were read together with it.
#[derive(Clone)]
pub struct Record {
    batch: Arc<Batch>,
    index: u32,
    /// Where the datum begins in the payload, after the frame.
    body: u32,
    /// How the datum is read, if its writer had another schema.
    plan: Option<Arc<Plan>>,
}

/// A record as a source delivers it; everything is copied.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// The offset in its partition.
    pub offset: i64,
    /// Milliseconds since the Unix epoch, if the record has a time.
    pub timestamp: Option<i64>,
    /// The key; `None` is Kafka's `null`.
    pub key: Option<&'a [u8]>,
    /// The payload; `None` is a tombstone.
    pub payload: Option<&'a [u8]>,
    /// The headers in their order. A name may occur more than once; a value may be `null`.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl Record {
    pub(crate) fn new(batch: Arc<Batch>, index: u32) -> Self {
        Self {
            batch,
            index,
            body: 0,
            plan: None,
        }
    }

    /// The first record of a batch.
    pub(crate) fn first(batch: Arc<Batch>) -> Option<Self> {
        (!batch.is_empty()).then(|| Self::new(batch, 0))
    }

    /// The record after this one in its batch, reusing this one's reference to the batch.
    #[inline]
    pub(crate) fn successor(self) -> Option<Self> {
        let index = self.index + 1;
        let more = (index as usize) < self.batch.entries().len();
        more.then(|| Self::new(self.batch, index))
    }

    /// An empty record without a topic.
    pub(crate) fn empty() -> Self {
        Self::of(&RawRecord {
            offset: 0,
            timestamp: None,
            key: None,
            payload: None,
            headers: &[],
        })
    }

    /// A record without a topic.
    pub(crate) fn of(raw: &RawRecord<'_>) -> Self {
        Self::at(&Arc::new(Assignment::new(0, "".into(), 0)), raw)
    }

    /// A record in a batch of its own, of the partition of this assignment.
    pub(crate) fn at(assignment: &Arc<Assignment>, raw: &RawRecord<'_>) -> Self {
        let mut batch = Batch::default();
        batch.push(assignment, 0, raw);
        Self::new(Arc::new(batch), 0)
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.assignment().topic()
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.assignment().partition()
    }

    /// The offset in the partition.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.entry().offset
    }

    /// The record's time in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        let timestamp = self.entry().timestamp;
        (timestamp >= 0).then_some(timestamp)
    }

    /// The key; `None` is Kafka's `null`.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.batch.key(self.entry())
    }

    /// The whole payload with its frame; `None` is a tombstone.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.batch.payload(self.entry())
    }

    /// The Avro datum: the payload without its frame.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        let payload = self.payload().unwrap_or_default();
        let bytes = payload.get(self.body as usize..).unwrap_or_default();
        match &self.plan {
            None => Body::new(bytes),
            Some(plan) => Body::resolved(bytes, plan),
        }
    }

    /// The headers in their order.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        self.batch.headers(self.entry())
    }

    #[inline]
    pub(crate) fn has_headers(&self) -> bool {
        self.entry().has_headers()
    }

    /// The value of the last header with this name; `None` if there is none or it is `null`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers()
            .filter(|(candidate, _)| *candidate == name)
            .last()
            .and_then(|(_, value)| value)
    }

    /// Identifies the event, however often it is delivered: `ce_source` and `ce_id`, as CloudEvents defines; for a record without an
    /// id, where it was first read: `topic/partition@offset`.
    ///
    /// It stays the same in the service's retry topics, and when `dlq replay` sends the record back. A copy made by another program,
    /// such as MirrorMaker in another cluster, is an event of its own there if it has no `ce_id`.
    ///
    /// ```
    /// # struct App;
    /// let cx = kaufmann::Context::detached(App);
    /// assert_eq!(cx.record().event_id(), "/0@0");
    /// ```
    #[must_use]
    pub fn event_id(&self) -> String {
        let Some(id) = self.id() else {
            let origin = self.origin();
            return origin.map_or_else(|| self.to_string(), |origin| origin.place.to_string());
        };
        let source = self.header(names::SOURCE).unwrap_or_default();
        format!(
            "{} {}",
            String::from_utf8_lossy(source),
            String::from_utf8_lossy(id)
        )
    }

    /// The id from its producer; not an empty one, which CloudEvents forbids and which would make all such records one event.
    pub(crate) fn id(&self) -> Option<&[u8]> {
        let id = self.header(names::ID);
        id.filter(|id| !id.is_empty())
    }

    /// The record's share of the byte budget, in bytes: key, payload, headers and a constant.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entry().size()
    }

    pub(crate) fn lane(&self) -> u64 {
        self.entry().lane
    }

    /// Whether its assignment still allows it to start.
    #[inline]
    pub(crate) fn may_start(&self) -> bool {
        let entry = self.entry();
        self.batch.assignment(entry).admits(entry.offset)
    }

    pub(crate) fn assignment(&self) -> &Arc<Assignment> {
        self.batch.assignment(self.entry())
    }

    /// Sets where the datum begins.
    pub(crate) fn set_body(&mut self, start: usize) {
        self.body = u32::try_from(start).unwrap_or(u32::MAX);
    }

    /// Sets how the datum is read, if its writer had another schema.
    pub(crate) fn set_plan(&mut self, plan: Option<Arc<Plan>>) {
        self.plan = plan;
    }

    /// Like `clone_from`, but does not touch the batch's reference count if the batch is the same.
    #[inline]
    pub(crate) fn become_another(&mut self, other: &Self) {
        if !Arc::ptr_eq(&self.batch, &other.batch) {
            self.batch = Arc::clone(&other.batch);
        }
        self.index = other.index;
        self.body = other.body;
        self.plan.clone_from(&other.plan);
    }

    pub(crate) fn plan(&self) -> Option<&Arc<Plan>> {
        self.plan.as_ref()
    }

    /// Whether this record, or a later one of its batch, is the one of this assignment at this offset.
    pub(crate) fn is_before(&self, assignment: u64, offset: i64) -> bool {
        self.batch.has(self.index as usize, assignment, offset)
    }

    /// A record with an arena of its own, so that waiting does not pin the batch it came with.
    pub(crate) fn detached(&self) -> Self {
        let mut batch = Batch::default();
        let headers: Vec<_> = self.headers().collect();
        batch.push(self.assignment(), self.lane(), &self.raw(&headers));
        Self {
            batch: Arc::new(batch),
            index: 0,
            body: self.body,
            plan: self.plan.clone(),
        }
    }

    /// The record as a source delivers it, with its headers as a list.
    pub(crate) fn raw<'a>(&'a self, headers: &'a [(&'a str, Option<&'a [u8]>)]) -> RawRecord<'a> {
        RawRecord {
            offset: self.offset(),
            timestamp: self.timestamp(),
            key: self.key(),
            payload: self.payload(),
            headers,
        }
    }

    fn entry(&self) -> &Entry {
        &self.batch.entries()[self.index as usize]
    }
}

/// `topic/partition@offset`
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic(), self.partition(), self.offset())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({self})")
    }
}

/// Reports of single records.
impl Report {
    /// The record is settled.
    pub(crate) fn settled(record: &Record) -> Self {
        Self::of(record, Fate::Settled)
    }

    /// A record with this fate.
    pub(crate) fn of(record: &Record, fate: Fate) -> Self {
        let offset = record.offset();
        Self {
            assignment: record.assignment().id(),
            from: offset,
            records: 1,
            bytes: record.size(),
            fate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(raw: &RawRecord<'_>) -> Record {
        let mut batch = Batch::default();
        batch.push(&Arc::new(Assignment::new(1, "t".into(), 3)), 7, raw);
        Record::new(Arc::new(batch), 0)
    }

    #[test]
    fn null_and_empty_are_kept_apart() {
        let raw = RawRecord {
            offset: 5,
            timestamp: None,
            key: None,
            payload: Some(b""),
            headers: &[],
        };
        let record = record(&raw);
        assert_eq!((record.key(), record.payload()), (None, Some(&b""[..])));
        assert_eq!((record.topic(), record.partition(), record.offset()), ("t", 3, 5));
        assert_eq!(record.timestamp(), None);
    }

    #[test]
    fn headers_keep_order_repetition_and_null() {
        let headers = [("a", Some(&b"1"[..])), ("b", None), ("a", Some(&b""[..]))];
        let raw = RawRecord {
            offset: 0,
            timestamp: Some(9),
            key: Some(b"k"),
            payload: None,
            headers: &headers,
        };
        let record = record(&raw).detached();
        assert_eq!(record.headers().collect::<Vec<_>>(), headers);
        assert_eq!(record.header("a"), Some(&b""[..]));
        assert_eq!(record.header("c"), None);
        assert_eq!((record.payload(), record.timestamp()), (None, Some(9)));
    }
}
