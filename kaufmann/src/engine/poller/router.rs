//! Which shard a record goes to: the hash of its lane selects it, so a lane never changes its shard.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use crate::assignment::Assignment;
use crate::assignment::lane::UNORDERED;
use crate::config::{Config, Delivery, Ordering};
use crate::engine::shard::current::Seen;
use crate::engine::shard::{Command, Inbox};
use crate::record::{Batch, BufferPool, RawRecord};

/// A batch is handed over when it has this many records …
pub(super) const BATCH_RECORDS: usize = 512;
/// … or this many bytes.
const BATCH_BYTES: usize = 1 << 20;
/// The arena of the first batch. It grows with its records; the next ones begin with what a full one came to.
const ARENA: usize = 64 << 10;

/// Makes the hashes of lanes.
pub(crate) type LaneHasher = foldhash::fast::SeedableRandomState;

/// Collects records in one batch a shard.
#[derive(Debug)]
pub(super) struct Router {
    ordering: Ordering,
    /// Topics that are ordered in another way; usually none.
    topic_ordering: BTreeMap<String, Ordering>,
    hasher: LaneHasher,
    shards: Vec<(Arc<Inbox>, Batch)>,
    next_unordered: usize,
    /// Whether full batches are kept until all are handed over.
    keeps: bool,
    kept: Vec<(usize, Batch)>,
    /// The arena of a new batch.
    arena: usize,
    pool: Arc<BufferPool>,
}

impl Router {
    pub(super) fn new(config: &Config, hasher: LaneHasher, shards: Vec<Arc<Inbox>>) -> Self {
        Self {
            ordering: config.ordering,
            topic_ordering: config.topic_ordering.clone(),
            hasher,
            shards: shards
                .into_iter()
                .map(|inbox| (inbox, Batch::default()))
                .collect(),
            next_unordered: 0,
            keeps: config.delivery == Delivery::AtMostOnce,
            kept: Vec::new(),
            arena: ARENA,
            pool: Arc::new(BufferPool::new(config.max_bytes)),
        }
    }

    /// Copies a record into the batch of its shard. Returns its bytes.
    #[inline]
    pub(super) fn push(&mut self, assignment: &Arc<Assignment>, raw: &RawRecord<'_>) -> usize {
        let lane = self.lane(assignment, raw.key);
        let shard = if lane == UNORDERED {
            self.any_shard()
        } else {
            (((lane >> 32) * self.shards.len() as u64) >> 32) as usize
        };
        let (inbox, batch) = &mut self.shards[shard];
        if batch.is_empty() {
            *batch = Batch::new(&self.pool, BATCH_RECORDS, self.arena);
        }
        let size = batch.push(assignment, lane, raw);
        if batch.entries().len() >= BATCH_RECORDS || batch.bytes() >= BATCH_BYTES {
            // An eighth more, or every other batch would grow for some bytes and be copied whole.
            self.arena = batch.bytes() + batch.bytes() / 8;
            if self.keeps {
                self.kept.push((shard, std::mem::take(batch)));
            } else {
                hand_over(inbox, batch);
            }
        }
        size
    }

    /// Hands over what has been collected.
    pub(super) fn flush(&mut self) {
        for (shard, mut batch) in self.kept.drain(..) {
            hand_over(&self.shards[shard].0, &mut batch);
        }
        for (inbox, batch) in self.shards.iter_mut().filter(|(_, batch)| !batch.is_empty()) {
            hand_over(inbox, batch);
        }
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// What each shard is running at this moment, if something.
    pub(super) fn seen(&self) -> impl Iterator<Item = (usize, Seen)> {
        let each = self.shards.iter().enumerate();
        each.filter_map(|(number, (inbox, _))| Some((number, inbox.current.seen()?)))
    }

    /// Tells all shards.
    pub(super) fn tell(&self, mut command: impl FnMut() -> Command) {
        for (inbox, _) in &self.shards {
            inbox.send(command());
        }
    }

    #[inline]
    fn lane(&self, assignment: &Assignment, key: Option<&[u8]>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(assignment.id());
        match (self.ordering_of(assignment), key) {
            (Ordering::Key, Some(key)) => hasher.write(key),
            (Ordering::Partition, _) => {}
            (Ordering::Key, None) | (Ordering::None, _) => return UNORDERED,
        }
        // Two keys may share a lane, which only orders more than required; no key may get the lane of the unordered.
        hasher.finish().max(1)
    }

    #[inline]
    fn ordering_of(&self, assignment: &Assignment) -> Ordering {
        if self.topic_ordering.is_empty() {
            return self.ordering;
        }
        let own = self.topic_ordering.get(assignment.topic());
        own.copied().unwrap_or(self.ordering)
    }

    fn any_shard(&mut self) -> usize {
        self.next_unordered = (self.next_unordered + 1) % self.shards.len();
        self.next_unordered
    }
}

fn hand_over(inbox: &Inbox, batch: &mut Batch) {
    batch.trim();
    inbox.send(Command::Batch(Arc::new(std::mem::take(batch))));
}
