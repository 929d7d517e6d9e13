//! What a shard runs at this moment, readable by the poller while a handler blocks the shard's thread.
//!
//! The shard writes it before each poll of a handler: some stores to memory that only the shard writes. A reader may find it half
//! written; then the shard is not blocked.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

use crate::engine::watchdog::shortened;
use crate::record::Record;

/// How much of a key is kept, in words of 8 bytes.
const KEY_WORDS: usize = 8;
/// The length of a key that is `null`.
const NO_KEY: u64 = u64::MAX;

/// The record that a shard runs. On cache lines of its own, so that its writes slow down no other thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Current {
    /// Odd while the other fields are written.
    version: AtomicU64,
    assignment: AtomicU64,
    offset: AtomicI64,
    /// The handler's index in the list plus 1 (0: none), and the attempt in the upper 32 bits.
    what: AtomicU64,
    /// 1 while something runs.
    runs: AtomicU64,
    key_length: AtomicU64,
    key: [AtomicU64; KEY_WORDS],
}

/// What was running when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    /// The assignment's id.
    pub(crate) assignment: u64,
    pub(crate) offset: i64,
    pub(crate) handler: Option<u32>,
    pub(crate) attempt: u32,
    /// The key, shortened.
    pub(crate) key: Option<String>,
}

impl Current {
    /// Sets what is polled. `handler` is `None` for a step before or after a handler.
    #[inline]
    pub(crate) fn enter(&self, record: &Record, handler: Option<u32>, attempt: u32) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.assignment.store(record.assignment().id(), Ordering::Relaxed);
        self.offset.store(record.offset(), Ordering::Relaxed);
        let handler = handler.map_or(0, |handler| u64::from(handler) + 1);
        self.what
            .store(handler | u64::from(attempt) << 32, Ordering::Relaxed);
        self.write_key(record.key());
        self.runs.store(1, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// Sets that nothing is polled.
    #[inline]
    pub(crate) fn leave(&self) {
        self.runs.store(0, Ordering::Release);
    }

    fn write_key(&self, key: Option<&[u8]>) {
        let length = key.map_or(NO_KEY, |key| key.len() as u64);
        self.key_length.store(length, Ordering::Relaxed);
        let words = key.unwrap_or_default().chunks(8).zip(&self.key);
        for (bytes, word) in words {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_le_bytes(whole), Ordering::Relaxed);
        }
    }

    /// Returns what runs, if something does.
    pub(crate) fn seen(&self) -> Option<Seen> {
        let version = self.version.load(Ordering::Acquire);
        if version % 2 == 1 || self.runs.load(Ordering::Acquire) == 0 {
            return None;
        }
        let what = self.what.load(Ordering::Relaxed);
        let seen = Seen {
            assignment: self.assignment.load(Ordering::Relaxed),
            offset: self.offset.load(Ordering::Relaxed),
            handler: ((what & u64::from(u32::MAX)) as u32).checked_sub(1),
            attempt: (what >> 32) as u32,
            key: self.read_key(),
        };
        fence(Ordering::Acquire);
        (self.version.load(Ordering::Relaxed) == version).then_some(seen)
    }

    fn read_key(&self) -> Option<String> {
        let length = self.key_length.load(Ordering::Relaxed);
        if length == NO_KEY {
            return None;
        }
        let words = self
            .key
            .iter()
            .map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        let bytes: Vec<u8> = words.flatten().collect();
        let kept = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
        let mut shown = shortened(&bytes[..kept]);
        if kept as u64 != length && !shown.ends_with('…') {
            shown.truncate(shown.trim_end_matches('\u{fffd}').len());
            shown.push('…');
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assignment::Assignment;
    use crate::record::RawRecord;

    fn record(key: Option<&[u8]>) -> Record {
        let assignment = Arc::new(Assignment::new(7, "t".into(), 3));
        let raw = RawRecord {
            offset: 17,
            timestamp: None,
            key,
            payload: None,
            headers: &[],
        };
        Record::at(&assignment, &raw)
    }

    fn key(bytes: &[u8]) -> Option<String> {
        let current = Current::default();
        current.enter(&record(Some(bytes)), None, 1);
        current.seen().expect("it was entered").key
    }

    #[test]
    fn what_runs_can_be_read_until_it_ends() {
        let current = Current::default();
        assert_eq!(current.seen(), None);
        current.enter(&record(Some(b"k1")), Some(0), 2);
        let seen = Seen {
            assignment: 7,
            offset: 17,
            handler: Some(0),
            attempt: 2,
            key: Some("k1".to_owned()),
        };
        assert_eq!(current.seen(), Some(seen));
        current.leave();
        assert_eq!(current.seen(), None);
        current.enter(&record(None), None, 1);
        let seen = current.seen().expect("it was entered");
        assert_eq!((seen.handler, seen.key), (None, None));
    }

    #[test]
    fn a_long_key_is_shortened_also_within_a_character() {
        assert_eq!(key(b"").as_deref(), Some(""));
        assert_eq!(key(&[b'a'; 64]).as_deref(), Some(&*"a".repeat(64)));
        assert_eq!(key(&[b'a'; 65]), Some("a".repeat(64) + "…"));
        let long = "a".to_owned() + &"é".repeat(60);
        assert_eq!(key(long.as_bytes()), Some("a".to_owned() + &"é".repeat(31) + "…"));
    }
}
