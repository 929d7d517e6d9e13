//! Chance, for jitter.

use std::hash::{BuildHasher, RandomState};

/// A number from 0 to 1, the 1 excluded.
pub(crate) fn fraction() -> f64 {
    // Each `RandomState` has other keys; a jitter needs no better source.
    let bits = RandomState::new().hash_one(0u8) >> 11;
    bits as f64 / (1u64 << 53) as f64
}
