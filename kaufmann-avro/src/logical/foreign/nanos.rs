//! What dates, times of day and timestamps have in common: each is a number of nanoseconds.

use super::ConversionError;
use crate::logical::{
    Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos, civil,
};

const SECOND: i128 = 1_000_000_000;
pub(super) const DAY: i128 = 86_400 * SECOND;

/// A number of units since midnight or since the beginning of 1970.
pub(super) trait Nanos: Copy {
    fn to_nanos(self) -> i128;

    fn from_nanos(nanos: i128) -> Result<Self, ConversionError>;
}

macro_rules! nanos {
    ($($own:ident: $unit:expr;)*) => {$(
        impl Nanos for $own {
            fn to_nanos(self) -> i128 {
                i128::from(self.0) * $unit
            }

            fn from_nanos(nanos: i128) -> Result<Self, ConversionError> {
                let target = concat!("`", stringify!($own), "`");
                if nanos.rem_euclid($unit) != 0 {
                    return Err(ConversionError::Inexact { target });
                }
                let number = (nanos / $unit).try_into();
                number.map(Self).map_err(|_| ConversionError::OutOfRange { target })
            }
        }
    )*};
}

nanos! {
    Date: DAY;
    TimeMillis: 1_000_000;
    TimeMicros: 1_000;
    TimestampMillis: 1_000_000;
    TimestampMicros: 1_000;
    TimestampNanos: 1;
    LocalTimestampMillis: 1_000_000;
    LocalTimestampMicros: 1_000;
    LocalTimestampNanos: 1;
}

/// Both directions between some of our types and one of a library. `$to` makes it of nanoseconds, if it has them; `$from`
/// is their number.
macro_rules! convertible {
    ($foreign:ty, $target:literal, [$($own:ident),*], $to:expr, $from:expr) => {$(
        impl TryFrom<$own> for $foreign {
            type Error = ConversionError;

            fn try_from(value: $own) -> Result<Self, ConversionError> {
                $to(value.to_nanos()).ok_or(ConversionError::OutOfRange { target: $target })
            }
        }

        impl TryFrom<$foreign> for $own {
            type Error = ConversionError;

            fn try_from(value: $foreign) -> Result<Self, ConversionError> {
                Self::from_nanos($from(value)?)
            }
        }
    )*};
}
pub(super) use convertible;

/// Year, month and day of nanoseconds since 1970, as whatever numbers a library has them in.
pub(super) fn to_date<Y, M, D>(nanos: i128) -> Option<(Y, M, D)>
where
    Y: TryFrom<i64>,
    M: TryFrom<i64>,
    D: TryFrom<i64>,
{
    let (year, month, day) = civil::from_days(i64::try_from(nanos.div_euclid(DAY)).ok()?);
    Some((
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    ))
}

/// The nanoseconds from 1970 to a date, which a library has made sure of.
pub(super) fn from_date(
    year: impl Into<i64>,
    month: impl Into<i64>,
    day: impl Into<i64>,
    target: &'static str,
) -> Result<i128, ConversionError> {
    let days = civil::to_days(year.into(), month.into(), day.into());
    days.map(|days| i128::from(days) * DAY)
        .ok_or(ConversionError::OutOfRange { target })
}

/// Hour, minute, second and nanosecond of nanoseconds after midnight, if they are those of a day.
pub(super) fn to_time(nanos: i128) -> Option<(u8, u8, u8, u32)> {
    if !(0..DAY).contains(&nanos) {
        return None;
    }
    let seconds = nanos / SECOND;
    let part = |number: i128| u8::try_from(number).ok();
    Some((
        part(seconds / 3600)?,
        part(seconds / 60 % 60)?,
        part(seconds % 60)?,
        u32::try_from(nanos % SECOND).ok()?,
    ))
}

/// The nanoseconds after midnight.
pub(super) fn from_time(seconds: u32, nanosecond: u32) -> Result<i128, ConversionError> {
    if i128::from(nanosecond) < SECOND {
        Ok(i128::from(seconds) * SECOND + i128::from(nanosecond))
    } else {
        Err(ConversionError::LeapSecond)
    }
}
