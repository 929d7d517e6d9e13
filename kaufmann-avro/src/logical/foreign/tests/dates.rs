use std::fmt::Debug;

use ::chrono::{
    DateTime as ChronoTimestamp, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc,
};
use ::jiff::{Timestamp as JiffTimestamp, civil};
use ::time::{Date as TimeDate, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use proptest::prelude::*;

use crate::logical::foreign::ConversionError;
use crate::logical::foreign::nanos::{DAY, Nanos};
use crate::logical::{
    Date, LocalTimestampMicros, LocalTimestampMillis, LocalTimestampNanos, TimeMicros, TimeMillis,
    TimestampMicros, TimestampMillis, TimestampNanos,
};

/// What is within the other type's range comes back, what is not is out of range.
fn there_and_back<O, F>(own: O, [least, most]: [i128; 2]) -> Option<F>
where
    O: Nanos + PartialEq + Debug + TryFrom<F, Error = ConversionError>,
    F: TryFrom<O, Error = ConversionError> + Clone + Debug,
{
    match F::try_from(own) {
        Ok(foreign) => {
            assert!((least..=most).contains(&own.to_nanos()), "{own:?} {foreign:?}");
            assert_eq!(O::try_from(foreign.clone()), Ok(own), "{foreign:?}");
            Some(foreign)
        }
        Err(error) => {
            assert!(
                matches!(error, ConversionError::OutOfRange { .. }),
                "{own:?} {error:?}"
            );
            assert!(!(least..=most).contains(&own.to_nanos()), "{own:?}");
            None
        }
    }
}

/// What is a whole number of units comes back, what is not is inexact, what is beyond 64 bits is out of range.
fn back_and_there<O, F>(foreign: &F, nanos: i128, unit: i128)
where
    O: Nanos + TryFrom<F, Error = ConversionError> + Debug,
    F: TryFrom<O, Error = ConversionError> + Clone + PartialEq + Debug,
{
    match O::try_from(foreign.clone()) {
        Ok(own) => {
            assert_eq!(own.to_nanos(), nanos);
            assert_eq!(F::try_from(own).as_ref(), Ok(foreign));
        }
        Err(ConversionError::Inexact { .. }) => assert!(nanos % unit != 0, "{foreign:?}"),
        Err(error) => {
            assert!(matches!(error, ConversionError::OutOfRange { .. }), "{error:?}");
            assert!(i64::try_from(nanos / unit).is_err(), "{foreign:?}");
        }
    }
}

const TIMES: [i128; 2] = [0, DAY - 1];

/// Days from 1970 to the first and the last day of a library, in nanoseconds.
fn days(first: i64, last: i64) -> [i128; 2] {
    [i128::from(first) * DAY, i128::from(last) * DAY]
}

/// A library's dates and times: its first day and its last moment.
fn moments(first: i64, last: i64) -> [i128; 2] {
    [i128::from(first) * DAY, i128::from(last) * DAY + DAY - 1]
}

/// From -9999-01-01 to 9999-12-31.
const FOUR_DIGITS: (i64, i64) = (-4_371_587, 2_932_896);
/// From -262143-01-01 to 262142-12-31.
const CHRONO: (i64, i64) = (-96_465_292, 95_026_236);

fn jiff_timestamps() -> [i128; 2] {
    [
        JiffTimestamp::MIN.as_nanosecond(),
        JiffTimestamp::MAX.as_nanosecond(),
    ]
}

fn dates(number: i32) {
    let own = Date(number);
    let (four, chrono) = (days(FOUR_DIGITS.0, FOUR_DIGITS.1), days(CHRONO.0, CHRONO.1));
    if let Some(date) = there_and_back::<_, civil::Date>(own, four) {
        assert_eq!(own.to_string(), date.to_string());
    }
    if let Some(date) = there_and_back::<_, NaiveDate>(own, chrono) {
        assert_eq!(own.to_string().parse(), Ok(date));
    }
    if let Some(date) = there_and_back::<_, TimeDate>(own, four) {
        assert_eq!(date.to_julian_day(), number + 2_440_588);
    }
}

fn times<O>(own: O)
where
    O: Nanos + PartialEq + Debug + ToString,
    O: TryFrom<civil::Time, Error = ConversionError> + TryFrom<NaiveTime, Error = ConversionError>,
    O: TryFrom<Time, Error = ConversionError>,
    civil::Time: TryFrom<O, Error = ConversionError>,
    NaiveTime: TryFrom<O, Error = ConversionError>,
    Time: TryFrom<O, Error = ConversionError>,
{
    if let Some(time) = there_and_back::<_, civil::Time>(own, TIMES) {
        assert_eq!(own.to_string().parse::<civil::Time>().unwrap(), time);
    }
    if let Some(time) = there_and_back::<_, NaiveTime>(own, TIMES) {
        assert_eq!(own.to_string().parse(), Ok(time));
    }
    if let Some(time) = there_and_back::<_, Time>(own, TIMES) {
        assert_eq!((time - Time::MIDNIGHT).whole_nanoseconds(), own.to_nanos());
    }
}

fn timestamps<O>(own: O)
where
    O: Nanos + PartialEq + Debug + ToString,
    O: TryFrom<JiffTimestamp, Error = ConversionError>
        + TryFrom<ChronoTimestamp<Utc>, Error = ConversionError>,
    O: TryFrom<OffsetDateTime, Error = ConversionError>,
    JiffTimestamp: TryFrom<O, Error = ConversionError>,
    ChronoTimestamp<Utc>: TryFrom<O, Error = ConversionError>,
    OffsetDateTime: TryFrom<O, Error = ConversionError>,
{
    if let Some(at) = there_and_back::<_, JiffTimestamp>(own, jiff_timestamps()) {
        assert_eq!(own.to_string().parse::<JiffTimestamp>().unwrap(), at);
    }
    if let Some(at) = there_and_back::<_, ChronoTimestamp<Utc>>(own, moments(CHRONO.0, CHRONO.1)) {
        assert_eq!(own.to_string().parse(), Ok(at));
    }
    if let Some(at) = there_and_back::<_, OffsetDateTime>(own, moments(FOUR_DIGITS.0, FOUR_DIGITS.1)) {
        assert_eq!(at.unix_timestamp_nanos(), own.to_nanos());
    }
}

fn local_timestamps<O>(own: O)
where
    O: Nanos + PartialEq + Debug + ToString,
    O: TryFrom<civil::DateTime, Error = ConversionError> + TryFrom<NaiveDateTime, Error = ConversionError>,
    O: TryFrom<PrimitiveDateTime, Error = ConversionError>,
    civil::DateTime: TryFrom<O, Error = ConversionError>,
    NaiveDateTime: TryFrom<O, Error = ConversionError>,
    PrimitiveDateTime: TryFrom<O, Error = ConversionError>,
{
    let four = moments(FOUR_DIGITS.0, FOUR_DIGITS.1);
    if let Some(at) = there_and_back::<_, civil::DateTime>(own, four) {
        assert_eq!(own.to_string().parse::<civil::DateTime>().unwrap(), at);
    }
    if let Some(at) = there_and_back::<_, NaiveDateTime>(own, moments(CHRONO.0, CHRONO.1)) {
        assert_eq!(own.to_string().parse(), Ok(at));
    }
    if let Some(at) = there_and_back::<_, PrimitiveDateTime>(own, four) {
        assert_eq!(at.assume_utc().unix_timestamp_nanos(), own.to_nanos());
    }
}

fn all_of(number: i64) {
    if let Ok(number) = i32::try_from(number) {
        dates(number);
        times(TimeMillis(number));
    }
    times(TimeMicros(number));
    timestamps(TimestampMillis(number));
    timestamps(TimestampMicros(number));
    timestamps(TimestampNanos(number));
    local_timestamps(LocalTimestampMillis(number));
    local_timestamps(LocalTimestampMicros(number));
    local_timestamps(LocalTimestampNanos(number));
}

/// All sizes, for most numbers of 64 bits are beyond what libraries have.
fn numbers() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0_u32..64).prop_map(|(number, shift)| number >> shift)
}

#[test]
fn at_the_ends_of_every_range_and_around_the_epoch_all_is_exact_or_out_of_range() {
    let mut edges = vec![i64::MIN, i32::MIN.into(), -1, 0, 1, i32::MAX.into(), i64::MAX];
    for day in [FOUR_DIGITS.0, FOUR_DIGITS.1, CHRONO.0, CHRONO.1, -719_528, 0, 1] {
        // As a number of days, and as one of seconds in each unit.
        edges.extend(
            [1, 86_400_000, 86_400_000_000, 86_400_000_000_000]
                .map(|per_day| per_day * i128::from(day))
                .into_iter()
                .flat_map(|edge| i64::try_from(edge).ok()),
        );
    }
    edges.extend(jiff_timestamps().into_iter().flat_map(|edge| {
        [1_000_000, 1_000]
            .into_iter()
            .flat_map(move |unit| i64::try_from(edge.div_euclid(unit)).ok())
    }));
    for edge in edges {
        for number in [edge.saturating_sub(1), edge, edge.saturating_add(1)] {
            all_of(number);
        }
    }
}

#[test]
fn the_first_and_last_values_of_the_libraries_are_exact_inexact_or_out_of_range() {
    let (first, last) = (FOUR_DIGITS, CHRONO);
    assert_eq!(Date::try_from(civil::Date::MIN), Ok(Date(first.0 as i32)));
    assert_eq!(Date::try_from(civil::Date::MAX), Ok(Date(first.1 as i32)));
    assert_eq!(Date::try_from(TimeDate::MIN), Ok(Date(first.0 as i32)));
    assert_eq!(Date::try_from(NaiveDate::MIN), Ok(Date(last.0 as i32)));
    assert_eq!(Date::try_from(NaiveDate::MAX), Ok(Date(last.1 as i32)));
    let inexact = ConversionError::Inexact {
        target: "`TimestampMillis`",
    };
    assert_eq!(TimestampMillis::try_from(JiffTimestamp::MAX), Err(inexact));
    assert_eq!(
        TimestampMillis::try_from(ChronoTimestamp::<Utc>::MAX_UTC),
        Err(inexact)
    );
    let beyond = ConversionError::OutOfRange {
        target: "`TimestampNanos`",
    };
    assert_eq!(TimestampNanos::try_from(JiffTimestamp::MIN), Err(beyond));
    assert_eq!(
        TimestampNanos::try_from(ChronoTimestamp::<Utc>::MIN_UTC),
        Err(beyond)
    );
    assert_eq!(
        inexact.to_string(),
        "finer than `TimestampMillis` can hold; round it first"
    );
    assert_eq!(beyond.to_string(), "out of the range of `TimestampNanos`");
}

#[test]
fn a_time_of_day_outside_of_the_day_is_out_of_range() {
    for number in [-1, 86_400_000] {
        let beyond = |target| ConversionError::OutOfRange { target };
        assert_eq!(
            civil::Time::try_from(TimeMillis(number)),
            Err(beyond("`jiff::civil::Time`"))
        );
        assert_eq!(
            NaiveTime::try_from(TimeMillis(number)),
            Err(beyond("`chrono::NaiveTime`"))
        );
        assert_eq!(Time::try_from(TimeMillis(number)), Err(beyond("`time::Time`")));
    }
}

/// Only chrono has them: its nanoseconds may go on past a second.
#[test]
fn a_leap_second_is_refused_rather_than_moved() {
    let time = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap();
    let at = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap().and_time(time);
    assert_eq!(TimeMillis::try_from(time), Err(ConversionError::LeapSecond));
    assert_eq!(
        LocalTimestampMicros::try_from(at),
        Err(ConversionError::LeapSecond)
    );
    assert_eq!(
        TimestampNanos::try_from(at.and_utc()),
        Err(ConversionError::LeapSecond)
    );
    let after = at.with_nanosecond(0).unwrap().and_utc() + ::chrono::TimeDelta::seconds(1);
    assert_eq!(
        TimestampMillis::try_from(after).unwrap().to_string(),
        "2017-01-01T00:00:00Z"
    );
}

#[test]
fn a_timestamp_of_any_zone_is_the_same_moment() {
    let east = FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
    let at: ChronoTimestamp<Utc> = "1969-12-31T23:59:59.999Z".parse().unwrap();
    assert_eq!(
        TimestampMillis::try_from(at.with_timezone(&east)),
        Ok(TimestampMillis(-1))
    );
    let at = OffsetDateTime::UNIX_EPOCH.to_offset(UtcOffset::from_hms(-11, 0, 0).unwrap());
    assert_eq!(TimestampMicros::try_from(at), Ok(TimestampMicros(0)));
    // The last moment of the calendar, behind UTC: beyond it in UTC, but no panic.
    let last = PrimitiveDateTime::MAX.replace_nanosecond(0).unwrap();
    let last = last.assume_offset(UtcOffset::from_hms(-23, 0, 0).unwrap());
    let millis = TimestampMillis::try_from(last).unwrap();
    assert_eq!(
        millis.0,
        (FOUR_DIGITS.1 + 1) * 86_400_000 - 1_000 + 23 * 3_600_000
    );
    assert!(OffsetDateTime::try_from(millis).is_err());
    assert_eq!(
        TimeDate::from_calendar_date(-9999, Month::January, 1),
        Ok(TimeDate::MIN)
    );
}

proptest! {
    #[test]
    fn our_numbers_come_back_from_every_library_or_are_out_of_its_range(number in numbers()) {
        all_of(number);
    }

    #[test]
    fn moments_of_the_libraries_come_back_or_are_too_fine_or_too_far(
        days in FOUR_DIGITS.0 + 1..FOUR_DIGITS.1,
        nanos in 0..DAY as i64,
        round in prop::sample::select(vec![1, 1_000, 1_000_000, 1_000_000_000]),
    ) {
        let of_day = nanos / round * round;
        let nanos = i128::from(days) * DAY + i128::from(of_day);
        let jiff = JiffTimestamp::from_nanosecond(nanos).unwrap();
        let chrono = ChronoTimestamp::from_timestamp(nanos.div_euclid(1_000_000_000) as i64, (of_day % 1_000_000_000) as u32).unwrap();
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
        back_and_there::<TimestampMillis, _>(&jiff, nanos, 1_000_000);
        back_and_there::<TimestampMicros, _>(&chrono, nanos, 1_000);
        back_and_there::<TimestampNanos, _>(&time, nanos, 1);
        let jiff = jiff.to_zoned(::jiff::tz::TimeZone::UTC).datetime();
        back_and_there::<LocalTimestampNanos, _>(&jiff, nanos, 1);
        back_and_there::<LocalTimestampMillis, _>(&chrono.naive_utc(), nanos, 1_000_000);
        let time = PrimitiveDateTime::new(time.date(), time.time());
        back_and_there::<LocalTimestampMicros, _>(&time, nanos, 1_000);
        let of_day = i128::from(of_day);
        back_and_there::<TimeMicros, _>(&jiff.time(), of_day, 1_000);
        back_and_there::<TimeMicros, _>(&chrono.time(), of_day, 1_000);
        back_and_there::<TimeMicros, _>(&time.time(), of_day, 1_000);
        back_and_there::<TimeMillis, _>(&jiff.time(), of_day, 1_000_000);
        back_and_there::<Date, _>(&time.date(), i128::from(days) * DAY, DAY);
    }
}
