//! Rust types for Avro's logical types, without a date or decimal library.
//!
//! Each holds exactly what the bytes hold, converts to and from readable text ([`Display`](std::fmt::Display),
//! [`FromStr`](std::str::FromStr), serde), and converts cheaply to the types of other
//! libraries: the number is public, and [`foreign`] has conversions for some.
//!
//! ```
//! use kaufmann_avro::logical::{Date, Decimal, TimestampMillis};
//!
//! assert_eq!(Date(0).to_string(), "1970-01-01");
//! assert_eq!("2001-09-09T03:46:40.5+02:00".parse(), Ok(TimestampMillis(1_000_000_000_500)));
//! let price: Decimal<9, 2> = "12.34".parse().unwrap();
//! assert_eq!(price.unscaled_i128(), Some(1234));
//! ```

mod civil;
mod decimal;
mod duration;
pub mod foreign;
mod temporal;
#[cfg(test)]
mod tests;
mod unscaled;
mod uuid;

use thiserror::Error;

pub use self::decimal::{BigDecimal, Decimal};
pub use self::duration::Duration;
pub use self::temporal::{
    Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos,
};
pub use ::uuid::Uuid;

pub(crate) use self::decimal::{max_digits, parse_scaled, plain};
pub(crate) use self::temporal::{number_from_text, number_to_text};
pub(crate) use self::unscaled::Unscaled;

use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};

/// A text that is not a value of a logical type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[error("expected {expected}")]
pub struct InvalidText {
    pub(crate) expected: &'static str,
}

/// A logical type on a fixed of `N` bytes. ([`Encode`](crate::Encode) and [`Decode`](crate::Decode) are for its base
/// type of variable length, if it has one: bytes for a decimal, string for a UUID.)
pub trait OnFixed<const N: usize>: Sized {
    /// The bytes of the fixed.
    fn to_fixed(&self) -> [u8; N];

    /// The value of these bytes.
    ///
    /// # Errors
    ///
    /// If they are not a value of the type.
    fn from_fixed(bytes: &[u8; N]) -> Result<Self, DecodeErrorKind>;

    /// Appends the bytes of the fixed.
    #[inline]
    fn encode_fixed(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_fixed());
    }

    /// Takes the bytes of the fixed.
    ///
    /// # Errors
    ///
    /// At the end of the data, and if the bytes are not a value of the type.
    #[inline]
    fn decode_fixed(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let offset = cursor.position();
        Self::from_fixed(cursor.fixed()?).map_err(|kind| DecodeError::new(kind, offset))
    }
}

/// Serde as readable text, for types with `Display` and `FromStr`.
macro_rules! serde_as_text {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de, $($generics)*> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
    ($type:ty) => {
        serde_as_text!([] $type);
    };
}
use serde_as_text;
