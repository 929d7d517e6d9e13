//! Random numbers for jitter.

use std::hash::{BuildHasher, RandomState};

/// A random number in `0.0..1.0`.
pub(crate) fn fraction() -> f64 {
    // Each `RandomState` has other keys; jitter needs no better source.
    let bits = RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}
