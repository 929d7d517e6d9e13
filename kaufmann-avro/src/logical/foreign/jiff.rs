//! `jiff`.

use ::jiff::civil::{Date as CivilDate, DateTime, Time};
use ::jiff::{Span, Timestamp};

use super::ConversionError;
use super::nanos::{DAY, Nanos, convertible, from_date, from_time, to_date, to_time};
use crate::logical::{
    Date, Duration, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos,
};

convertible!(CivilDate, "`jiff::civil::Date`", [Date], date, of_date);
convertible!(
    Time,
    "`jiff::civil::Time`",
    [TimeMillis, TimeMicros],
    time,
    of_time
);
convertible!(
    Timestamp,
    "`jiff::Timestamp`",
    [TimestampMillis, TimestampMicros, TimestampNanos],
    |nanos| Timestamp::from_nanosecond(nanos).ok(),
    |value: Timestamp| Ok(value.as_nanosecond())
);
convertible!(
    DateTime,
    "`jiff::civil::DateTime`",
    [LocalTimestampMillis, LocalTimestampMicros, LocalTimestampNanos],
    |nanos: i128| Some(DateTime::from_parts(date(nanos)?, time(nanos.rem_euclid(DAY))?)),
    |value: DateTime| Ok(of_date(value.date())? + of_time(value.time())?)
);

fn date(nanos: i128) -> Option<CivilDate> {
    let (year, month, day) = to_date(nanos)?;
    CivilDate::new(year, month, day).ok()
}

fn of_date(date: CivilDate) -> Result<i128, ConversionError> {
    from_date(date.year(), date.month(), date.day(), "`Date`")
}

fn time(nanos: i128) -> Option<Time> {
    let (hour, minute, second, nanosecond) = to_time(nanos)?;
    let part = |number: u8| i8::try_from(number).ok();
    let nanosecond = nanosecond.try_into().ok()?;
    Time::new(part(hour)?, part(minute)?, part(second)?, nanosecond).ok()
}

fn of_time(time: Time) -> Result<i128, ConversionError> {
    let seconds = (i32::from(time.hour()) * 60 + i32::from(time.minute())) * 60 + i32::from(time.second());
    from_time(seconds.unsigned_abs(), time.subsec_nanosecond().unsigned_abs())
}

impl TryFrom<Duration> for Span {
    type Error = ConversionError;

    fn try_from(value: Duration) -> Result<Self, ConversionError> {
        Self::new()
            .try_months(value.months)
            .and_then(|span| span.try_days(value.days))
            .and_then(|span| span.try_milliseconds(value.millis))
            .map_err(|_| ConversionError::OutOfRange {
                target: "`jiff::Span`",
            })
    }
}

/// Years are twelve months, weeks seven days, and all units up to hours milliseconds.
impl TryFrom<Span> for Duration {
    type Error = ConversionError;

    fn try_from(value: Span) -> Result<Self, ConversionError> {
        let target = "`Duration`";
        let part = |number: i128| u32::try_from(number).map_err(|_| ConversionError::OutOfRange { target });
        let wide = i128::from;
        let seconds = (wide(value.get_hours().into()) * 60 + wide(value.get_minutes())) * 60
            + wide(value.get_seconds());
        let micros =
            (seconds * 1_000 + wide(value.get_milliseconds())) * 1_000 + wide(value.get_microseconds());
        let nanos = micros * 1_000 + wide(value.get_nanoseconds());
        if nanos % 1_000_000 != 0 {
            return Err(ConversionError::Inexact { target });
        }
        Ok(Self {
            months: part(i128::from(value.get_years()) * 12 + i128::from(value.get_months()))?,
            days: part(i128::from(value.get_weeks()) * 7 + i128::from(value.get_days()))?,
            millis: part(nanos / 1_000_000)?,
        })
    }
}
