//! Integers of any size, without an allocation up to 128 bits.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};

/// An integer. One that fits in 128 bits is always `Small`, so that equality and hashes are those of the number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Unscaled {
    Small(i128),
    Large(BigInt),
}

impl Unscaled {
    fn of(number: BigInt) -> Self {
        i128::try_from(&number).map_or(Self::Large(number), Self::Small)
    }

    /// The number of these big-endian two's-complement bytes; no bytes are 0.
    pub(crate) fn from_be_bytes(bytes: &[u8]) -> Self {
        let Some(&first) = bytes.first() else {
            return Self::Small(0);
        };
        let fill = if first < 0x80 { 0 } else { 0xff };
        match bytes.len().checked_sub(16) {
            None | Some(0) => {
                let mut buffer = [fill; 16];
                buffer[16 - bytes.len()..].copy_from_slice(bytes);
                Self::Small(i128::from_be_bytes(buffer))
            }
            Some(_) => Self::of(BigInt::from_signed_bytes_be(bytes)),
        }
    }

    /// Calls `with` with the fewest bytes that are the number.
    pub(crate) fn with_be_bytes<T>(&self, with: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Small(number) => {
                let bytes = number.to_be_bytes();
                // The leading bytes that only repeat the sign.
                let redundant = (if *number < 0 { !*number } else { *number })
                    .leading_zeros()
                    .saturating_sub(1)
                    / 8;
                with(&bytes[(redundant as usize).min(15)..])
            }
            Self::Large(number) => with(&number.to_signed_bytes_be()),
        }
    }

    /// Fills a buffer with the number; nothing if it is too short.
    pub(crate) fn fill_be_bytes(&self, buffer: &mut [u8]) -> Option<()> {
        self.with_be_bytes(|bytes| {
            let (fill, rest) = buffer.split_at_mut(buffer.len().checked_sub(bytes.len())?);
            fill.fill(if self.is_negative() { 0xff } else { 0 });
            rest.copy_from_slice(bytes);
            Some(())
        })
    }

    pub(crate) fn is_negative(&self) -> bool {
        match self {
            Self::Small(number) => *number < 0,
            Self::Large(number) => number.sign() == Sign::Minus,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::Small(0)
    }

    /// Whether it has at most this many decimal digits.
    pub(crate) fn has_at_most(&self, digits: usize) -> bool {
        match self {
            Self::Small(number) => match u32::try_from(digits)
                .ok()
                .and_then(|digits| 10_u128.checked_pow(digits))
            {
                Some(limit) => number.unsigned_abs() < limit,
                None => true,
            },
            Self::Large(number) => {
                let (bits, limit) = (number.bits() as f64, digits as f64 * std::f64::consts::LOG2_10);
                if bits < limit - 1.0 {
                    true
                } else if bits > limit + 2.0 {
                    false
                } else {
                    // Only a number that is about as long as the limit is compared with it.
                    u32::try_from(digits)
                        .is_ok_and(|digits| *number.magnitude() < BigUint::from(10_u8).pow(digits))
                }
            }
        }
    }

    /// The decimal digits, without a sign.
    pub(crate) fn digits(&self) -> String {
        match self {
            Self::Small(number) => number.unsigned_abs().to_string(),
            Self::Large(number) => number.magnitude().to_string(),
        }
    }

    /// The number of these digits.
    pub(crate) fn from_digits(negative: bool, digits: &str) -> Option<Self> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let magnitude: BigInt = digits.parse().ok()?;
        Some(Self::of(if negative { -magnitude } else { magnitude }))
    }

    /// This times a power of ten.
    pub(crate) fn shifted(&self, digits: u32) -> Self {
        let power = 10_i128.checked_pow(digits);
        match (self, power) {
            (Self::Small(number), Some(power)) if number.checked_mul(power).is_some() => {
                Self::Small(number * power)
            }
            (Self::Small(number), _) => Self::of(BigInt::from(*number) * BigInt::from(10_u8).pow(digits)),
            (Self::Large(number), _) => Self::of(number * BigInt::from(10_u8).pow(digits)),
        }
    }
}

impl Default for Unscaled {
    fn default() -> Self {
        Self::Small(0)
    }
}

impl Ord for Unscaled {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(one), Self::Small(other)) => one.cmp(other),
            (Self::Large(one), Self::Large(other)) => one.cmp(other),
            // A large number is outside of the range of the small ones.
            (Self::Large(_), Self::Small(_)) if self.is_negative() => Ordering::Less,
            (Self::Large(_), Self::Small(_)) => Ordering::Greater,
            (Self::Small(_), Self::Large(_)) => other.cmp(self).reverse(),
        }
    }
}

impl PartialOrd for Unscaled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Unscaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(number) => number.fmt(f),
            Self::Large(number) => number.fmt(f),
        }
    }
}
