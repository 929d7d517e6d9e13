//! `time`.

use ::time::{Date as CalendarDate, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::ConversionError;
use super::nanos::{DAY, Nanos, convertible, from_date, from_time, to_date, to_time};
use crate::logical::{
    Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos,
};

convertible!(CalendarDate, "`time::Date`", [Date], date, of_date);
convertible!(Time, "`time::Time`", [TimeMillis, TimeMicros], time, of_time);
convertible!(
    OffsetDateTime,
    "`time::OffsetDateTime`",
    [TimestampMillis, TimestampMicros, TimestampNanos],
    |nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok(),
    |value: OffsetDateTime| Ok(value.unix_timestamp_nanos())
);
convertible!(
    PrimitiveDateTime,
    "`time::PrimitiveDateTime`",
    [LocalTimestampMillis, LocalTimestampMicros, LocalTimestampNanos],
    |nanos: i128| Some(PrimitiveDateTime::new(date(nanos)?, time(nanos.rem_euclid(DAY))?)),
    |value: PrimitiveDateTime| Ok(of_date(value.date())? + of_time(value.time())?)
);

fn date(nanos: i128) -> Option<CalendarDate> {
    let (year, month, day) = to_date::<_, u8, _>(nanos)?;
    CalendarDate::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn of_date(date: CalendarDate) -> Result<i128, ConversionError> {
    let (year, month, day) = date.to_calendar_date();
    from_date(year, u8::from(month), day, "`Date`")
}

fn time(nanos: i128) -> Option<Time> {
    let (hour, minute, second, nanosecond) = to_time(nanos)?;
    Time::from_hms_nano(hour, minute, second, nanosecond).ok()
}

fn of_time(time: Time) -> Result<i128, ConversionError> {
    let (hour, minute, second, nanosecond) = time.as_hms_nano();
    let seconds = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
    from_time(seconds, nanosecond)
}
