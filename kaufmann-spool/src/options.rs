//! The settings of a spool.

use std::time::Duration;

/// When entries go to the disk.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Mode {
    /// Every entry is on the disk before [`append`](crate::Spool::append) returns, and is read from there.
    #[default]
    Always,
    /// Entries stay in memory and are read from there. They go to the disk if they are not delivered within
    /// [`Options::spill_after`], if memory is half full, or if there is no consumer.
    Overflow,
}

/// The settings of a spool: its mode and its limits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// When entries go to the disk. Default: [`Mode::Always`].
    pub mode: Mode,
    /// How long an entry may stay in memory before it goes to the disk, with [`Mode::Overflow`]. Default: 1 s.
    pub spill_after: Duration,
    /// The most bytes of entries in memory; beyond that, callers wait. Default: 16 MiB.
    pub max_memory: usize,
    /// The bytes of a segment. A spool has at least one; disk space is freed in whole segments. Default: 64 MiB.
    pub segment_bytes: u64,
    /// The most bytes of all segments; beyond that, callers wait. Default: 8 GiB.
    pub max_bytes: u64,
    /// The greatest age of the oldest entry on the disk; beyond that, callers wait. No entry is ever dropped because of its age. Default:
    /// no limit.
    pub max_age: Option<Duration>,
    /// The bytes to leave free for others on the same file system. Default: 256 MiB.
    pub keep_free: u64,
    /// The bytes of the largest entry. Default: 16 MiB.
    pub max_entry: usize,
    /// The most bytes of all [parked](crate::Spool::park) entries. They are read when the spool is opened. Default: 64 MiB.
    pub max_parked: u64,
    /// How often the position is saved; after a crash, what was delivered in this time may be delivered again. Default: 200 ms.
    pub position_interval: Duration,
    /// How long the spool waits after a disk error before it retries. Default: 500 ms.
    pub retry_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            spill_after: Duration::from_secs(1),
            max_memory: 16 << 20,
            segment_bytes: 64 << 20,
            max_bytes: 8 << 30,
            max_age: None,
            keep_free: 256 << 20,
            max_entry: 16 << 20,
            max_parked: 64 << 20,
            position_interval: Duration::from_millis(200),
            retry_interval: Duration::from_millis(500),
        }
    }
}

impl Options {
    /// Checks the limits. The error has the name, the value and the remedy of one that cannot work.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.segment_bytes < 256 {
            return Err(format!(
                "`segment_bytes` is {}; it must be at least 256",
                self.segment_bytes
            ));
        }
        if self.max_bytes < self.segment_bytes {
            return Err(format!(
                "`max_bytes` is {}, less than one segment (`segment_bytes` is {}); raise it, or make segments smaller",
                self.max_bytes, self.segment_bytes
            ));
        }
        if self.max_entry == 0 || self.max_entry > u32::MAX as usize / 2 {
            return Err(format!(
                "`max_entry` is {}; it must be between 1 and {}",
                self.max_entry,
                u32::MAX / 2
            ));
        }
        Ok(())
    }
}
