//! Lanes are identified by a hash of key and partition.

use std::hash::Hasher;

/// The lane of records without an order.
pub(crate) const UNORDERED: u64 = 0;

/// A hasher that keeps lane hashes as they are.
#[derive(Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
