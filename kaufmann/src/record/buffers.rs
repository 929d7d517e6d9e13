//! A batch's buffers: one arena for all bytes, and an entry for each record.

use std::sync::Arc;

use super::encode_header;
use crate::assignment::Assignment;

/// One record of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    /// Milliseconds since the Unix epoch; negative if the record has none.
    pub(crate) timestamp: i64,
    /// The lane's hash; 0 if nothing orders the record.
    pub(crate) lane: u64,
    pub(super) key: Span,
    pub(super) payload: Span,
    pub(super) headers: Span,
    pub(super) assignment: u32,
}

/// A part of the arena, or `null`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A record's cost beyond its bytes: its entry and its slot in the tracker.
const RECORD_OVERHEAD: usize = size_of::<Entry>();

impl Entry {
    /// The record's share of the byte budget.
    pub(crate) fn size(&self) -> usize {
        RECORD_OVERHEAD
            + [self.key, self.payload, self.headers]
                .iter()
                .map(|span| span.size())
                .sum::<usize>()
    }

    #[inline]
    pub(super) fn has_headers(&self) -> bool {
        self.headers.size() > 0
    }
}

impl Span {
    pub(super) const NULL: Self = Self {
        start: 0,
        len: u32::MAX,
    };

    pub(super) fn size(self) -> usize {
        if self.len == u32::MAX {
            0
        } else {
            self.len as usize
        }
    }
}

/// The buffers of a batch, which a later batch reuses.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) arena: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    pub(super) assignments: Vec<Arc<Assignment>>,
}

impl Buffers {
    #[inline]
    pub(super) fn copy(&mut self, bytes: Option<&[u8]>) -> Span {
        let Some(bytes) = bytes else { return Span::NULL };
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span {
            start,
            len: bytes.len() as u32,
        }
    }

    pub(super) fn copy_headers(&mut self, headers: &[(&str, Option<&[u8]>)]) -> Span {
        if headers.is_empty() {
            return Span { start: 0, len: 0 };
        }
        let start = self.arena.len() as u32;
        for (name, value) in headers {
            encode_header(&mut self.arena, name, *value);
        }
        Span {
            start,
            len: self.arena.len() as u32 - start,
        }
    }

    /// Whether more than a quarter of the capacity is unused.
    pub(super) fn have_excess(&self) -> bool {
        self.arena.capacity() / 4 * 3 > self.arena.len()
            || self.entries.capacity() / 4 * 3 > self.entries.len()
    }

    /// A copy without unused capacity.
    pub(super) fn trimmed(&self) -> Self {
        Self {
            arena: self.arena.clone(),
            entries: self.entries.clone(),
            assignments: self.assignments.clone(),
        }
    }
}
