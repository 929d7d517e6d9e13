//! Dates, times of day and timestamps: a number, and its text after RFC 3339.
//!
//! A text may name any number of the type: years beyond 9999 have a sign and at least six digits, a time of day out of
//! range has a sign or more than 24 hours.

use std::fmt;
use std::str::FromStr;

use super::{InvalidText, civil, serde_as_text};
use crate::codec::{Decode, Encode};
use crate::cursor::{Cursor, DecodeError};
use crate::encode;
use crate::model::Logical;

/// How many fractional digits of a second a unit has.
#[derive(Clone, Copy)]
enum Unit {
    Millis = 3,
    Micros = 6,
    Nanos = 9,
}

impl Unit {
    fn digits(self) -> usize {
        self as usize
    }

    fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }
}

/// What a number means.
#[derive(Clone, Copy)]
enum Form {
    Date,
    Time(Unit),
    Timestamp(Unit),
    LocalTimestamp(Unit),
}

macro_rules! temporal {
    ($($(#[$doc:meta])* $name:ident($number:ident) = $form:expr, $codec:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $number);

        impl $name {
            const FORM: Form = $form;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Text(Self::FORM, i64::from(self.0)).fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                let number = Self::FORM.parse(text).and_then(|number| $number::try_from(number).ok());
                number.map(Self).ok_or(InvalidText { expected: Self::FORM.expected() })
            }
        }

        impl Encode for $name {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                encode::$codec(out, self.0);
            }
        }

        impl Decode<'_> for $name {
            #[inline]
            fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
                cursor.$codec().map(Self)
            }
        }

        serde_as_text!($name);
    )*};
}

temporal! {
    /// Days since 1970-01-01. Text: `2026-01-31`.
    Date(i32) = Form::Date, int;
    /// Milliseconds after midnight. Text: `23:59:59.999`.
    TimeMillis(i32) = Form::Time(Unit::Millis), int;
    /// Microseconds after midnight. Text: `23:59:59.999999`.
    TimeMicros(i64) = Form::Time(Unit::Micros), long;
    /// Milliseconds since the Unix epoch. Text: `2026-01-31T23:59:59.999Z`, read with any offset.
    TimestampMillis(i64) = Form::Timestamp(Unit::Millis), long;
    /// Microseconds since the Unix epoch. Text: `2026-01-31T23:59:59.999999Z`, read with any offset.
    TimestampMicros(i64) = Form::Timestamp(Unit::Micros), long;
    /// Nanoseconds since the Unix epoch. Text: `2026-01-31T23:59:59.999999999Z`, read with any offset.
    TimestampNanos(i64) = Form::Timestamp(Unit::Nanos), long;
    /// Milliseconds since 1970-01-01T00:00 in no particular zone. Text: `2026-01-31T23:59:59.999`.
    LocalTimestampMillis(i64) = Form::LocalTimestamp(Unit::Millis), long;
    /// Microseconds since 1970-01-01T00:00 in no particular zone. Text: `2026-01-31T23:59:59.999999`.
    LocalTimestampMicros(i64) = Form::LocalTimestamp(Unit::Micros), long;
    /// Nanoseconds since 1970-01-01T00:00 in no particular zone. Text: `2026-01-31T23:59:59.999999999`.
    LocalTimestampNanos(i64) = Form::LocalTimestamp(Unit::Nanos), long;
}

/// The text of a number with this logical type; `None` if the logical type is not on a number.
pub(crate) fn number_to_text(logical: Logical, number: i64) -> Option<String> {
    Some(Text(Form::of(logical)?, number).to_string())
}

/// The number of a text with this logical type; `None` if the logical type is not on a number.
pub(crate) fn number_from_text(logical: Logical, text: &str) -> Option<Result<i64, InvalidText>> {
    let form = Form::of(logical)?;
    Some(form.parse(text).ok_or(InvalidText {
        expected: form.expected(),
    }))
}

impl Form {
    fn of(logical: Logical) -> Option<Self> {
        Some(match logical {
            Logical::Date => Date::FORM,
            Logical::TimeMillis => TimeMillis::FORM,
            Logical::TimeMicros => TimeMicros::FORM,
            Logical::TimestampMillis => TimestampMillis::FORM,
            Logical::TimestampMicros => TimestampMicros::FORM,
            Logical::TimestampNanos => TimestampNanos::FORM,
            Logical::LocalTimestampMillis => LocalTimestampMillis::FORM,
            Logical::LocalTimestampMicros => LocalTimestampMicros::FORM,
            Logical::LocalTimestampNanos => LocalTimestampNanos::FORM,
            Logical::Decimal { .. } | Logical::BigDecimal | Logical::Uuid | Logical::Duration => return None,
        })
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Date => "a date like 2026-01-31",
            Self::Time(Unit::Millis) => "a time of day like 23:59:59.999",
            Self::Time(_) => "a time of day like 23:59:59.999999",
            Self::Timestamp(Unit::Millis) => "a timestamp like 2026-01-31T23:59:59.999Z",
            Self::Timestamp(Unit::Micros) => "a timestamp like 2026-01-31T23:59:59.999999Z",
            Self::Timestamp(Unit::Nanos) => {
                "a timestamp between 1677 and 2262 like 2026-01-31T23:59:59.999999999Z"
            }
            Self::LocalTimestamp(Unit::Millis) => "a local timestamp like 2026-01-31T23:59:59.999",
            Self::LocalTimestamp(Unit::Micros) => "a local timestamp like 2026-01-31T23:59:59.999999",
            Self::LocalTimestamp(Unit::Nanos) => {
                "a local timestamp between 1677 and 2262 like 2026-01-31T23:59:59.999999999"
            }
        }
    }

    fn parse(self, text: &str) -> Option<i64> {
        let mut text = Parser(text);
        let number = match self {
            Self::Date => i128::from(text.date()?),
            Self::Time(unit) => {
                let negative = text.eat("-");
                let time = text.time(unit, i64::MAX)?;
                if negative { -time } else { time }
            }
            Self::Timestamp(unit) => {
                text.timestamp(unit)? - i128::from(text.offset()?) * i128::from(unit.per_second())
            }
            Self::LocalTimestamp(unit) => text.timestamp(unit)?,
        };
        if text.0.is_empty() {
            i64::try_from(number).ok()
        } else {
            None
        }
    }
}

/// Displays a number in its form.
struct Text(Form, i64);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Date => write_date(f, self.1),
            Form::Time(unit) => {
                f.write_str(if self.1 < 0 { "-" } else { "" })?;
                write_time(f, self.1.unsigned_abs(), unit)
            }
            Form::Timestamp(unit) => {
                write_timestamp(f, self.1, unit)?;
                f.write_str("Z")
            }
            Form::LocalTimestamp(unit) => write_timestamp(f, self.1, unit),
        }
    }
}

fn write_timestamp(f: &mut fmt::Formatter<'_>, number: i64, unit: Unit) -> fmt::Result {
    let per_day = 86_400 * unit.per_second();
    write_date(f, number.div_euclid(per_day))?;
    f.write_str("T")?;
    write_time(f, number.rem_euclid(per_day).unsigned_abs(), unit)
}

fn write_date(f: &mut fmt::Formatter<'_>, days: i64) -> fmt::Result {
    let (year, month, day) = civil::from_days(days);
    match year {
        0..=9999 => write!(f, "{year:04}-{month:02}-{day:02}"),
        _ => write!(f, "{year:+07}-{month:02}-{day:02}"),
    }
}

/// A fraction of zero is left out.
fn write_time(f: &mut fmt::Formatter<'_>, number: u64, unit: Unit) -> fmt::Result {
    let per_second = unit.per_second().unsigned_abs();
    let (seconds, fraction) = (number / per_second, number % per_second);
    write!(
        f,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )?;
    match fraction {
        0 => Ok(()),
        _ => write!(f, ".{fraction:0width$}", width = unit.digits()),
    }
}

/// The rest of a text that is being parsed.
struct Parser<'t>(&'t str);

impl Parser<'_> {
    fn eat(&mut self, expected: &str) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A number of at least `min` and at most `max` digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<i64> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        if (min..=max).contains(&length) {
            digits.parse().ok()
        } else {
            None
        }
    }

    fn date(&mut self) -> Option<i64> {
        let (negative, positive) = (self.eat("-"), self.eat("+"));
        let year = if negative || positive {
            self.digits(4, 9)?
        } else {
            self.digits(4, 4)?
        };
        let month = self.eat("-").then(|| self.digits(2, 2))??;
        let day = self.eat("-").then(|| self.digits(2, 2))??;
        civil::to_days(if negative { -year } else { year }, month, day)
    }

    /// Hours, minutes and seconds with a fraction no finer than the unit.
    fn time(&mut self, unit: Unit, max_hour: i64) -> Option<i128> {
        let hour = self.digits(2, 10).filter(|hour| *hour <= max_hour)?;
        let minute = self
            .eat(":")
            .then(|| self.digits(2, 2))?
            .filter(|minute| *minute < 60)?;
        let second = self
            .eat(":")
            .then(|| self.digits(2, 2))?
            .filter(|second| *second < 60)?;
        let fraction = if self.eat(".") { self.fraction(unit)? } else { 0 };
        let seconds = i128::from(hour * 3600 + minute * 60 + second);
        Some(seconds * i128::from(unit.per_second()) + i128::from(fraction))
    }

    fn fraction(&mut self, unit: Unit) -> Option<i64> {
        let before = self.0.len();
        let number = self.digits(1, 9)?;
        let digits = before - self.0.len();
        match unit.digits().checked_sub(digits) {
            Some(missing) => Some(number * power_of_ten(missing)),
            None => {
                let beyond = power_of_ten(digits - unit.digits());
                (number % beyond == 0).then_some(number / beyond)
            }
        }
    }

    fn timestamp(&mut self, unit: Unit) -> Option<i128> {
        let days = self.date()?;
        if !(self.eat("T") || self.eat("t") || self.eat(" ")) {
            return None;
        }
        let time = self.time(unit, 23)?;
        Some(i128::from(days) * 86_400 * i128::from(unit.per_second()) + time)
    }

    /// The seconds by which a zone is ahead.
    fn offset(&mut self) -> Option<i64> {
        if self.eat("Z") || self.eat("z") {
            return Some(0);
        }
        let (negative, positive) = (self.eat("-"), self.eat("+"));
        if !negative && !positive {
            return None;
        }
        let hours = self.digits(2, 2).filter(|hours| *hours < 24)?;
        let minutes = self
            .eat(":")
            .then(|| self.digits(2, 2))?
            .filter(|minutes| *minutes < 60)?;
        let ahead = hours * 3600 + minutes * 60;
        Some(if negative { -ahead } else { ahead })
    }
}

fn power_of_ten(exponent: usize) -> i64 {
    (0..exponent).fold(1, |power, _| power * 10)
}
