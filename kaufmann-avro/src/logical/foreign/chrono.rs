//! `chrono`.

use ::chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};

use super::ConversionError;
use super::nanos::{DAY, Nanos, convertible, from_date, from_time, to_date, to_time};
use crate::logical::{
    Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos,
};

convertible!(NaiveDate, "`chrono::NaiveDate`", [Date], date, of_date);
convertible!(
    NaiveTime,
    "`chrono::NaiveTime`",
    [TimeMillis, TimeMicros],
    time,
    of_time
);
convertible!(
    NaiveDateTime,
    "`chrono::NaiveDateTime`",
    [LocalTimestampMillis, LocalTimestampMicros, LocalTimestampNanos],
    date_time,
    of_date_time
);

macro_rules! timestamps {
    ($($own:ident),*) => {$(
        impl TryFrom<$own> for DateTime<Utc> {
            type Error = ConversionError;

            fn try_from(value: $own) -> Result<Self, ConversionError> {
                date_time(value.to_nanos()).map(|utc| utc.and_utc()).ok_or(ConversionError::OutOfRange {
                    target: "`chrono::DateTime`",
                })
            }
        }

        impl<Z: TimeZone> TryFrom<DateTime<Z>> for $own {
            type Error = ConversionError;

            fn try_from(value: DateTime<Z>) -> Result<Self, ConversionError> {
                Self::from_nanos(of_date_time(value.naive_utc())?)
            }
        }
    )*};
}

timestamps!(TimestampMillis, TimestampMicros, TimestampNanos);

fn date(nanos: i128) -> Option<NaiveDate> {
    let (year, month, day) = to_date(nanos)?;
    NaiveDate::from_ymd_opt(year, month, day)
}

fn of_date(date: NaiveDate) -> Result<i128, ConversionError> {
    from_date(date.year(), date.month(), date.day(), "`Date`")
}

fn time(nanos: i128) -> Option<NaiveTime> {
    let (hour, minute, second, nanosecond) = to_time(nanos)?;
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond)
}

fn of_time(time: NaiveTime) -> Result<i128, ConversionError> {
    from_time(time.num_seconds_from_midnight(), time.nanosecond())
}

fn date_time(nanos: i128) -> Option<NaiveDateTime> {
    Some(date(nanos)?.and_time(time(nanos.rem_euclid(DAY))?))
}

fn of_date_time(value: NaiveDateTime) -> Result<i128, ConversionError> {
    Ok(of_date(value.date())? + of_time(value.time())?)
}
