//! A partition while it is assigned to this member. A later assignment of the same partition has another id.

mod hold;
mod in_turn;
pub(crate) mod lane;
pub(crate) mod limit;
mod report;
mod settlements;

pub(crate) use hold::Hold;
pub(crate) use in_turn::InTurn;
pub(crate) use report::{Fate, Report};
pub(crate) use settlements::Settlements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

use self::limit::{Excess, Failures, Limit};
// The models of `interleavings` compile files of this module with their own primitives, by this name.
use crate::base::sync;

/// A topic's id (KIP-516). A topic that is deleted and created again under the same name has another id.
pub(crate) type TopicId = [u8; 16];

/// One assignment of a partition, shared by its records.
#[derive(Debug)]
pub struct Assignment {
    id: u64,
    topic: Arc<str>,
    partition: i32,
    /// Whether the topic is one of the service's retry topics.
    retry_topic: AtomicBool,
    /// The highest offset that may start. `i64::MAX` unless the assignment is about to end.
    limit: AtomicI64,
    /// The highest offset whose messages wait or waited for delivery.
    handed: AtomicI64,
    /// Records that are settled when the previous one in their lane is.
    in_turn: InTurn,
    /// The topic's id.
    topic_id: OnceLock<TopicId>,
    /// The committed offset, and its metadata.
    resumed: OnceLock<(i64, String)>,
    /// Offsets whose dead letters are in flight.
    dead_letters: Mutex<BTreeSet<i64>>,
    cancelled: CancellationToken,
    /// The offsets that could not be handled; separate for each handler with its own limits.
    failures: Mutex<BTreeMap<Option<String>, Failures>>,
    /// The hold of its topic, if it may be held.
    hold: OnceLock<Arc<Hold>>,
}

impl Assignment {
    /// A new assignment. `id` is unique in the process and grows.
    #[must_use]
    pub fn new(id: u64, topic: Arc<str>, partition: i32) -> Self {
        Self {
            id,
            topic,
            partition,
            retry_topic: AtomicBool::new(false),
            limit: AtomicI64::new(i64::MAX),
            handed: AtomicI64::new(i64::MIN),
            in_turn: InTurn::default(),
            topic_id: OnceLock::new(),
            resumed: OnceLock::new(),
            dead_letters: Mutex::default(),
            cancelled: CancellationToken::new(),
            failures: Mutex::default(),
            hold: OnceLock::new(),
        }
    }

    /// Sets the committed offset, and the metadata that was committed with it: which records above it are settled.
    /// A source sets it before it announces the assignment.
    pub fn resume(&self, committed: i64, metadata: impl Into<String>) {
        // Only the first value counts: reading has begun with it.
        let _ = self.resumed.set((committed, metadata.into()));
    }

    /// Sets the topic's id (KIP-516). What is settled above a committed offset is kept with the id, so that it is not applied to a topic
    /// that was created again under the same name. A source that knows the id sets it before it announces the assignment; what was kept
    /// earlier is ignored if the id comes later.
    pub fn identify(&self, topic_id: [u8; 16]) {
        // A topic keeps its id.
        let _ = self.topic_id.set(topic_id);
    }

    /// The topic's id, if it is known.
    pub(crate) fn topic_id(&self) -> Option<TopicId> {
        self.topic_id.get().copied()
    }

    /// The committed offset, and the metadata that was committed with it.
    pub(crate) fn resumed(&self) -> Option<(i64, &str)> {
        let (offset, metadata) = self.resumed.get()?;
        Some((*offset, metadata))
    }

    /// The assignment's epoch: unique in the process; a later one is greater.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Notes that the topic is one of the service's retry topics: the origin in the headers of its records can be trusted.
    pub(crate) fn set_retry_topic(&self) {
        self.retry_topic.store(true, Ordering::Release);
    }

    /// Whether the topic is one of the service's retry topics.
    #[inline]
    pub(crate) fn is_retry_topic(&self) -> bool {
        self.retry_topic.load(Ordering::Acquire)
    }

    /// Lets no record above `limit` start any more. A limit is never raised again.
    pub(crate) fn fence(&self, limit: i64) {
        self.limit.fetch_min(limit, Ordering::AcqRel);
    }

    /// Whether the record at this offset may start.
    #[inline]
    pub(crate) fn admits(&self, offset: i64) -> bool {
        offset <= self.limit.load(Ordering::Acquire)
    }

    /// Whether the assignment is about to end.
    pub(crate) fn is_fenced(&self) -> bool {
        self.limit.load(Ordering::Acquire) != i64::MAX
    }

    /// Notes that a record waits for the delivery of its messages, or of those of an earlier record in its lane.
    pub(crate) fn handed(&self, offset: i64) {
        self.handed.fetch_max(offset, Ordering::AcqRel);
    }

    /// The highest offset whose messages wait or waited for delivery; `i64::MIN` if there is none.
    pub(crate) fn highest_handed(&self) -> i64 {
        self.handed.load(Ordering::Acquire)
    }

    /// The records that are settled when the previous one in their lane is.
    pub(crate) fn in_turn(&self) -> &InTurn {
        &self.in_turn
    }

    /// Notes whether the dead letter of the record at this offset is in flight.
    pub(crate) fn set_dead_letter(&self, offset: i64, in_flight: bool) {
        let mut dead_letters = self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight {
            dead_letters.insert(offset);
        } else {
            dead_letters.remove(&offset);
        }
    }

    /// Whether the dead letter of the record at this offset is in flight.
    pub(crate) fn has_dead_letter(&self, offset: i64) -> bool {
        let dead_letters = self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner);
        dead_letters.contains(&offset)
    }

    /// Notes that the record at this offset could not be handled; returns the excess if that is more than the limit allows.
    /// `counted` is the handler, if its failures are counted separately.
    pub(crate) fn failed(&self, counted: Option<&str>, limit: &Limit, offset: i64) -> Option<Excess> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let own = failures.entry(counted.map(str::to_owned)).or_default();
        own.note(limit, offset)
    }

    /// Removes a failure, because the record at this offset is tried again.
    pub(crate) fn forget_failure(&self, counted: Option<&str>, offset: i64) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = failures.get_mut(&counted.map(str::to_owned)) {
            own.forget(offset);
        }
    }

    /// Notes that its topic may be held. Called before the first of its records is read.
    pub(crate) fn may_be_held(&self, hold: Arc<Hold>) {
        let _ = self.hold.set(hold);
    }

    /// The hold of its topic, if it may be held.
    #[inline]
    pub(crate) fn hold(&self) -> Option<&Hold> {
        self.hold.get().map(|hold| &**hold)
    }

    /// Signals to running handlers that their work will not count.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}
