//! The buffers of dropped batches, for reuse: each page of fresh memory costs the kernel more than it takes to fill it.

use std::sync::{Mutex, PoisonError};

use super::buffers::Buffers;

/// The upper bound of bytes that are kept, …
const MOST: usize = 8 << 20;
/// … and of the bytes of one batch: larger ones come from exceptional records.
const MOST_OF_ONE: usize = 2 << 20;

/// Unused buffers.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    kept: Mutex<Kept>,
    most: usize,
}

#[derive(Debug, Default)]
struct Kept {
    buffers: Vec<Buffers>,
    bytes: usize,
}

impl BufferPool {
    /// A pool that keeps at most an eighth of the byte budget.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most: MOST.min(max_bytes / 8),
        }
    }

    /// Takes empty buffers: kept ones, or new ones.
    pub(super) fn take(&self) -> Buffers {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let buffers = kept.buffers.pop().unwrap_or_default();
        kept.bytes -= buffers.arena.capacity();
        buffers
    }

    /// Keeps these buffers for reuse, unless the bound is reached.
    pub(super) fn keep(&self, mut buffers: Buffers) {
        buffers.arena.clear();
        buffers.entries.clear();
        buffers.assignments.clear();
        let bytes = buffers.arena.capacity();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes <= MOST_OF_ONE && kept.bytes + bytes <= self.most {
            kept.bytes += bytes;
            kept.buffers.push(buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(bytes: usize) -> Buffers {
        Buffers {
            arena: Vec::with_capacity(bytes),
            ..Buffers::default()
        }
    }

    #[test]
    fn a_small_budget_bounds_what_is_kept() {
        let pool = BufferPool::new(8_000);
        pool.keep(buffers(1_001));
        assert_eq!(pool.take().arena.capacity(), 0);
        pool.keep(buffers(1_000));
        pool.keep(buffers(1));
        assert_eq!(pool.take().arena.capacity(), 1_000);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let pool = BufferPool::new(1 << 30);
        pool.keep(buffers(MOST_OF_ONE + 1));
        assert_eq!(pool.take().arena.capacity(), 0);
        for _ in 0..100 {
            pool.keep(buffers(MOST_OF_ONE));
        }
        let kept = (0..100).map(|_| pool.take().arena.capacity()).sum::<usize>();
        assert_eq!(kept, MOST);
        pool.keep(buffers(1));
        assert_eq!(pool.take().arena.capacity(), 1, "there is room again");
    }
}
