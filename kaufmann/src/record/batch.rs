//! Records that the poller hands to a shard together.

use std::sync::Arc;

use super::buffer_pool::BufferPool;
use super::buffers::{Buffers, Entry, Span};
use super::{Headers, RawRecord};
use crate::assignment::Assignment;

/// Records that are handed to a shard together: one arena for all their bytes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    buffers: Buffers,
    /// Gets the buffers back when the last record is dropped.
    pool: Option<Arc<BufferPool>>,
}

impl Batch {
    /// An empty batch with room for `records` records and `bytes` bytes.
    pub(crate) fn new(pool: &Arc<BufferPool>, records: usize, bytes: usize) -> Self {
        let mut buffers = pool.take();
        buffers.arena.reserve(bytes);
        buffers.entries.reserve(records);
        Self {
            buffers,
            pool: Some(Arc::clone(pool)),
        }
    }

    /// Copies a record in; returns its share of the byte budget.
    pub(crate) fn push(&mut self, assignment: &Arc<Assignment>, lane: u64, raw: &RawRecord<'_>) -> usize {
        let buffers = &mut self.buffers;
        let last = buffers.assignments.last();
        if !last.is_some_and(|last| Arc::ptr_eq(last, assignment)) {
            buffers.assignments.push(Arc::clone(assignment));
        }
        let entry = Entry {
            offset: raw.offset,
            timestamp: raw.timestamp.unwrap_or(-1),
            lane,
            key: buffers.copy(raw.key),
            payload: buffers.copy(raw.payload),
            headers: buffers.copy_headers(raw.headers),
            assignment: (buffers.assignments.len() - 1) as u32,
        };
        buffers.entries.push(entry);
        entry.size()
    }

    /// Whether it has a record of this assignment at this offset, at index `from` or later.
    pub(crate) fn has(&self, from: usize, assignment: u64, offset: i64) -> bool {
        self.entries()
            .iter()
            .skip(from)
            .any(|entry| entry.offset == offset && self.assignment(entry).id() == assignment)
    }

    #[inline]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.buffers.entries
    }

    #[inline]
    pub(super) fn assignment(&self, entry: &Entry) -> &Arc<Assignment> {
        &self.buffers.assignments[entry.assignment as usize]
    }

    pub(super) fn key(&self, entry: &Entry) -> Option<&[u8]> {
        self.slice(entry.key)
    }

    #[inline]
    pub(super) fn payload(&self, entry: &Entry) -> Option<&[u8]> {
        self.slice(entry.payload)
    }

    pub(super) fn headers(&self, entry: &Entry) -> Headers<'_> {
        Headers::new(self.slice(entry.headers).unwrap_or_default())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Bytes in the arena.
    pub(crate) fn bytes(&self) -> usize {
        self.buffers.arena.len()
    }

    /// Frees the room reserved for more records than were read: a batch lives as long as any of its records.
    pub(crate) fn trim(&mut self) {
        if self.buffers.have_excess() {
            let trimmed = self.buffers.trimmed();
            let large = std::mem::replace(&mut self.buffers, trimmed);
            if let Some(pool) = self.pool.take() {
                pool.keep(large);
            }
        }
    }

    #[inline]
    fn slice(&self, span: Span) -> Option<&[u8]> {
        let arena = &self.buffers.arena;
        (span.len != u32::MAX).then(|| &arena[span.start as usize..][..span.len as usize])
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.keep(std::mem::take(&mut self.buffers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn push(batch: &mut Batch, bytes: &[u8]) {
        let raw = RawRecord {
            offset: 5,
            timestamp: None,
            key: Some(b"k"),
            payload: Some(bytes),
            headers: &[],
        };
        batch.push(&Arc::new(Assignment::new(1, "t".into(), 3)), 7, &raw);
    }

    #[test]
    fn a_trimmed_batch_has_no_excess_capacity() {
        let pool = Arc::new(BufferPool::new(64 << 20));
        let mut batch = Batch::new(&pool, 512, 1 << 20);
        push(&mut batch, &[7; 1000]);
        batch.trim();
        assert!(batch.buffers.arena.capacity() < 2_048 && batch.buffers.entries.capacity() < 4);
        assert_eq!(Record::new(Arc::new(batch), 0).payload(), Some(&[7; 1000][..]));
        let next = Batch::new(&pool, 0, 0);
        assert!(
            next.is_empty() && next.buffers.arena.capacity() >= 1 << 20,
            "the room is there for the next one"
        );
    }

    #[test]
    fn a_batch_reuses_the_buffers_of_a_dropped_one_without_its_records() {
        let pool = Arc::new(BufferPool::new(64 << 20));
        let mut batch = Batch::new(&pool, 1, 1_000);
        push(&mut batch, &[7; 900]);
        let place = batch.buffers.arena.as_ptr();
        let record = Record::new(Arc::new(batch), 0);
        assert_ne!(
            Batch::new(&pool, 1, 1_000).buffers.arena.as_ptr(),
            place,
            "it is in use"
        );
        drop(record);
        let mut next = Batch::new(&pool, 1, 1_000);
        assert_eq!(next.buffers.arena.as_ptr(), place);
        push(&mut next, b"another");
        assert_eq!(next.entries().len(), 1);
        assert_eq!(Record::new(Arc::new(next), 0).payload(), Some(&b"another"[..]));
    }
}
