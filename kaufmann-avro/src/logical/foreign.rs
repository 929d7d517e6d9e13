//! Conversions to and from the types of the usual date and decimal libraries, each with a feature of the library's name.
//!
//! | here | `jiff` | `chrono` | `time` |
//! |---|---|---|---|
//! | `Date` | `civil::Date` | `NaiveDate` | `Date` |
//! | `TimeMillis`, `TimeMicros` | `civil::Time` | `NaiveTime` | `Time` |
//! | `TimestampMillis`, `…Micros`, `…Nanos` | `Timestamp` | `DateTime<Utc>`; from any zone | `OffsetDateTime` |
//! | `LocalTimestampMillis`, `…Micros`, `…Nanos` | `civil::DateTime` | `NaiveDateTime` | `PrimitiveDateTime` |
//! | `Duration` | `Span` | | |
//!
//! | here | `rust_decimal` | `bigdecimal` |
//! |---|---|---|
//! | `Decimal<P, S>`, `BigDecimal` | `Decimal` | `BigDecimal` |
//!
//! All are `From` or `TryFrom`, in both directions, and exact: what the other type cannot hold is a [`ConversionError`],
//! never another value. So a clock's nanoseconds are rounded first where the schema has milliseconds, as with jiff's
//! `round(Unit::Millisecond)`, chrono's `trunc_subsecs(3)` or time's `truncate_to_millisecond()`. A decimal is the same
//! number; it keeps its scale if the other type has that scale.
//!
#![cfg_attr(feature = "jiff", doc = "```")]
#![cfg_attr(not(feature = "jiff"), doc = "```ignore")]
//! use jiff::Timestamp;
//! use kaufmann_avro::logical::TimestampMillis;
//!
//! let at: Timestamp = "2026-01-31T23:59:59.5Z".parse()?;
//! let field = TimestampMillis::try_from(at)?;
//! assert_eq!(field, TimestampMillis(1_769_903_999_500));
//! assert_eq!(Timestamp::try_from(field)?, at);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "jiff", feature = "chrono", feature = "time"))]
mod nanos;

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;

#[cfg(any(feature = "bigdecimal", feature = "rust_decimal"))]
mod digits;

#[cfg(feature = "bigdecimal")]
mod bigdecimal;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;

#[cfg(test)]
mod tests;

use thiserror::Error;

/// Why a value has no counterpart in another type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// It is smaller than the smallest or greater than the greatest value of the type.
    #[error("out of the range of {target}")]
    OutOfRange {
        /// The type.
        target: &'static str,
    },
    /// It is between two values of the type.
    #[error("finer than {target} can hold; round it first")]
    Inexact {
        /// The type.
        target: &'static str,
    },
    /// It is within a leap second, as chrono has them; Avro counts none.
    #[error("within a leap second, which Avro does not count")]
    LeapSecond,
}
