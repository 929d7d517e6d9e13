//! The counts and sizes of a spool.

use std::time::Duration;

/// The state of a spool at one moment. Taking it costs a few nanoseconds and no I/O, however large the backlog is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Entries that are not delivered, on the disk and in memory, without parked ones.
    pub depth: u64,
    /// How many of these are in memory only.
    pub in_memory: u64,
    /// The bytes of the entries in memory.
    pub memory_bytes: u64,
    /// The bytes of the segments on the disk, including allocated space that is not used yet.
    pub disk_bytes: u64,
    /// How many segments there are.
    pub segments: u64,
    /// Whether new entries go to the disk at once.
    pub to_disk: bool,
    /// How long the oldest entry of `depth` has been waiting. For entries of an earlier process it is an upper bound.
    pub oldest: Option<Duration>,
    /// Entries stored on the disk since the spool was opened.
    pub stored: u64,
    /// Entries delivered since then.
    pub delivered: u64,
    /// Entries refused since then because the spool was full.
    pub refused: u64,
    /// Stored entries that cannot be read any more, since then.
    pub lost: u64,
    /// How often such damage was found since then.
    pub damages: u64,
    /// Parked entries.
    pub parked: u64,
    /// The number of their keys; an entry without a key counts as one.
    pub parked_keys: u64,
    /// Whether the disk fails or a limit is reached at the moment; [`Spool::trouble`](crate::Spool::trouble) has the reason.
    pub in_trouble: bool,
}
