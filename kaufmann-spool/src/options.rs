//! What can be chosen.

use std::time::Duration;

/// The bounds of a spool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The bytes of a segment. A spool takes at least one; what is delivered is given back in whole segments. Default: 64 MiB.
    pub segment_bytes: u64,
    /// The bytes that the segments may take together; beyond that, entries wait. Default: 8 GiB.
    pub max_bytes: u64,
    /// The bytes that are left to others on the same file system. Default: 256 MiB.
    pub keep_free: u64,
    /// The bytes of entries that wait for the disk in memory; beyond that, callers wait. Default: 16 MiB.
    pub max_waiting: usize,
    /// The bytes of the largest entry. Default: 16 MiB.
    pub max_entry: usize,
    /// The bytes of entries that may be [parked](crate::Spool::park) together. They are read when the spool is opened. Default: 64 MiB.
    pub max_parked: u64,
    /// How often it is noted on the disk what is delivered: so much may be delivered again after a crash. Default: 200 ms.
    pub position_interval: Duration,
    /// How long a fault is waited out before the disk is tried again. Default: 500 ms.
    pub retry_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_bytes: 8 << 30,
            keep_free: 256 << 20,
            max_waiting: 16 << 20,
            max_entry: 16 << 20,
            max_parked: 64 << 20,
            position_interval: Duration::from_millis(200),
            retry_interval: Duration::from_millis(500),
        }
    }
}
