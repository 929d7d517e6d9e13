//! What a spool holds, in numbers.

use std::time::Duration;

/// The state of a spool at one moment. It costs a few nanoseconds and no I/O, whatever waits.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Entries that are not delivered: on the disk and in memory, without those that are parked.
    pub depth: u64,
    /// Those of them that are in memory only.
    pub in_memory: u64,
    /// The bytes that these take.
    pub memory_bytes: u64,
    /// The bytes of the segments on the disk, with what is allocated and not used yet.
    pub disk_bytes: u64,
    /// How many segments there are.
    pub segments: u64,
    /// Whether new entries go to the disk at once.
    pub to_disk: bool,
    /// How long the oldest entry of `depth` has been waiting. Of what an earlier process has left, it is an upper bound.
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
    /// The keys that they have; an entry without a key counts as one.
    pub parked_keys: u64,
    /// Whether the disk fails at the moment, or a bound is reached: [`Spool::trouble`](crate::Spool::trouble) names it.
    pub in_trouble: bool,
}
