//! The encoding of the position: which entries are delivered, and up to where entries were stored at that time. Pure.
//!
//! ```text
//! "kspos\0\0" version   stored to   delivered below   ranges' count   (from  to)…   CRC32C of all before
//! ```

use thiserror::Error;

use crate::delivered::Delivered;

const MARK: [u8; 8] = *b"kspos\0\0\x01";
/// Where the ranges begin.
const FIXED: usize = 8 + 8 + 8 + 4;
/// Further ranges are left out, so their entries may be delivered twice. Deliveries are nearly in order, so there are rarely so many.
const MOST_RANGES: usize = 4_096;

/// Which entries are delivered, as saved on the disk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    pub(crate) delivered: Delivered,
    /// The number after the last entry that was stored when this was saved.
    pub(crate) stored_to: u64,
}

/// Why bytes cannot be decoded as a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PositionError {
    /// It was written by a later version of this crate.
    #[error("the position has version {0}, which this program does not know")]
    Version(u8),
    /// Its checksum, its length, or its ranges are wrong.
    #[error("the position is damaged")]
    Damaged,
}

impl Position {
    /// A position at which all entries below this number are stored and delivered.
    #[must_use]
    pub fn delivered_below(number: u64) -> Self {
        Self {
            delivered: Delivered::below(number),
            stored_to: number,
        }
    }

    /// The lowest number that is not delivered.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.delivered.watermark()
    }

    /// Whether an entry is delivered.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.delivered.contains(number)
    }

    /// Marks an entry as delivered.
    pub fn insert(&mut self, number: u64) {
        self.delivered.insert(number, number + 1);
    }

    /// Sets the number after the last stored entry.
    pub fn set_stored_to(&mut self, number: u64) {
        self.stored_to = number;
    }

    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let count = self.delivered.ranges().len().min(MOST_RANGES);
        let mut bytes = Vec::with_capacity(FIXED + count * 16 + 4);
        bytes.extend(MARK);
        bytes.extend(self.stored_to.to_le_bytes());
        bytes.extend(self.delivered.watermark().to_le_bytes());
        bytes.extend(u32::try_from(count).unwrap_or_default().to_le_bytes());
        for (from, to) in self.delivered.ranges().take(count) {
            bytes.extend(from.to_le_bytes());
            bytes.extend(to.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes
    }

    /// Decodes what [`Position::encode`] has written.
    ///
    /// # Errors
    ///
    /// If the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, PositionError> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(PositionError::Damaged)?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(body) || body.len() < FIXED || body[..7] != MARK[..7] {
            return Err(PositionError::Damaged);
        }
        if body[7] != MARK[7] {
            return Err(PositionError::Version(body[7]));
        }
        let (fixed, ranges) = body.split_at(FIXED);
        let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
        let count = fixed[24..]
            .first_chunk()
            .map_or(0, |chunk| u32::from_le_bytes(*chunk));
        if ranges.len() != count as usize * 16 {
            return Err(PositionError::Damaged);
        }
        let mut delivered = Delivered::below(number(&fixed[16..]));
        for range in ranges.chunks_exact(16) {
            let (from, to) = (number(range), number(&range[8..]));
            if from >= to {
                return Err(PositionError::Damaged);
            }
            delivered.insert(from, to);
        }
        Ok(Self {
            delivered,
            stored_to: number(&fixed[8..]),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Position, PositionError};
    use crate::delivered::Delivered;

    fn any_position() -> impl Strategy<Value = Position> {
        (
            0_u64..1_000,
            any::<u64>(),
            prop::collection::vec((1_u64..2_000, 1_u64..9), 0..20),
        )
            .prop_map(|(below, stored_to, ranges)| {
                let mut delivered = Delivered::below(below);
                for (from, len) in ranges {
                    delivered.insert(from, from + len);
                }
                Position { delivered, stored_to }
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(position in any_position()) {
            prop_assert_eq!(Position::decode(&position.encode()), Ok(position));
        }

        #[test]
        fn a_flipped_bit_or_a_cut_is_noticed(position in any_position(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let bytes = position.encode();
            let at = at.index(bytes.len());
            prop_assert_eq!(Position::decode(&bytes[..at]), Err(PositionError::Damaged));
            let mut flipped = bytes;
            flipped[at] ^= 1_u8 << bit;
            prop_assert_eq!(Position::decode(&flipped), Err(PositionError::Damaged));
        }
    }

    #[test]
    fn a_later_version_is_refused_by_its_number() {
        let mut bytes = Position::default().encode();
        bytes.truncate(bytes.len() - 4);
        bytes[7] = 2;
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        assert_eq!(Position::decode(&bytes), Err(PositionError::Version(2)));
    }
}
