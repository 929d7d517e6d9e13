//! Months, days and milliseconds.

use std::fmt;
use std::str::FromStr;

use super::{InvalidText, OnFixed, serde_as_text};
use crate::codec::{Decode, Encode};
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};

/// A duration in three parts that do not convert into each other: a month has no fixed number of days, a day none of
/// milliseconds. Text: ISO 8601, `P1M2DT3.004S`. The order is that of the parts, months first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Duration {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { months, days, millis } = *self;
        f.write_str("P")?;
        if months > 0 {
            write!(f, "{months}M")?;
        }
        if days > 0 {
            write!(f, "{days}D")?;
        }
        match (millis / 1000, millis % 1000) {
            (0, 0) if months > 0 || days > 0 => Ok(()),
            (seconds, 0) => write!(f, "T{seconds}S"),
            (seconds, rest) => write!(f, "T{seconds}.{rest:03}S"),
        }
    }
}

impl FromStr for Duration {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        parse(text).ok_or(InvalidText {
            expected: "a duration like P1M2DT3.004S",
        })
    }
}

fn parse(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest
        .split_once('T')
        .map_or((rest, None), |(date, time)| (date, Some(time)));
    let (months, date) = date.split_once('M').unwrap_or(("0", date));
    let (days, date) = date.split_once('D').unwrap_or(("0", date));
    if !date.is_empty() || rest.is_empty() {
        return None;
    }
    let millis = match time {
        Some(time) => millis(time.strip_suffix('S')?)?,
        None => 0,
    };
    Some(Duration {
        months: number(months)?,
        days: number(days)?,
        millis,
    })
}

fn millis(seconds: &str) -> Option<u32> {
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if fraction.len() > 3 {
        return None;
    }
    number(seconds)?
        .checked_mul(1000)?
        .checked_add(number(&format!("{fraction:0<3}"))?)
}

fn number(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl OnFixed<12> for Duration {
    #[inline]
    fn to_fixed(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        for (part, value) in bytes
            .chunks_exact_mut(4)
            .zip([self.months, self.days, self.millis])
        {
            part.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    #[inline]
    fn from_fixed(bytes: &[u8; 12]) -> Result<Self, DecodeErrorKind> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        Ok(Self {
            months: u32::from_le_bytes([a, b, c, d]),
            days: u32::from_le_bytes([e, f, g, h]),
            millis: u32::from_le_bytes([i, j, k, l]),
        })
    }
}

impl Encode for Duration {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_fixed(out);
    }
}

impl Decode<'_> for Duration {
    #[inline]
    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        Self::decode_fixed(cursor)
    }
}

serde_as_text!(Duration);
