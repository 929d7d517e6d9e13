//! Positions on the command line: where reading begins or ends.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::base::error::{Error, ErrorKind};
use crate::kafka::cluster::{Bounds, Cluster, TopicPartition};

/// A position in every partition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Position {
    Beginning,
    End,
    /// This offset in each partition.
    Offset(i64),
    /// This many offsets before the end of each partition.
    Last(i64),
    /// The first record with this timestamp or a later one.
    Time(SystemTime),
}

/// The forms of a position, for help and errors.
pub(crate) const POSITIONS: &str = "`beginning`, `end`, an offset such as 1200, -10 for the last ten of each partition, a time such as \
     2026-01-31T12:00:00Z, or a duration such as 15m for that long ago";

impl Position {
    /// Parses a position.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_at(text, SystemTime::now())
    }

    fn parse_at(text: &str, now: SystemTime) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "beginning" | "earliest" => return Ok(Self::Beginning),
            "end" | "latest" => return Ok(Self::End),
            _ => {}
        }
        if let Ok(number) = text.parse::<i64>() {
            return Ok(match number {
                0.. => Self::Offset(number),
                _ => Self::Last(number.saturating_neg()),
            });
        }
        let time = match text.len() {
            10 => humantime::parse_rfc3339_weak(&format!("{text} 00:00:00")),
            _ => humantime::parse_rfc3339_weak(text),
        };
        if let Ok(time) = time {
            return Ok(Self::Time(time));
        }
        match humantime::parse_duration(text) {
            Ok(ago) => Ok(Self::Time(now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))),
            Err(_) => Err(format!("expected {POSITIONS}")),
        }
    }

    /// The offset in each partition.
    pub(crate) fn resolve(
        self,
        cluster: &Cluster,
        topic_partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let times = match self {
            Self::Time(time) => cluster.offsets_at(topic_partitions, time)?,
            Self::Beginning | Self::End | Self::Offset(_) | Self::Last(_) => BTreeMap::new(),
        };
        let mut offsets = BTreeMap::new();
        for topic_partition in topic_partitions {
            let bounds = cluster.bounds(topic_partition)?;
            offsets.insert(
                topic_partition.clone(),
                self.within(bounds, times.get(topic_partition).copied()),
            );
        }
        Ok(offsets)
    }

    /// The offset in a partition with these bounds, never outside of them. `time` is the offset of a time. Pure.
    pub(crate) fn within(self, bounds: Bounds, time: Option<i64>) -> i64 {
        let offset = match self {
            Self::Beginning => bounds.start,
            Self::End => bounds.end,
            Self::Offset(offset) => offset,
            Self::Last(count) => bounds.end.saturating_sub(count),
            Self::Time(_) => time.unwrap_or(bounds.end),
        };
        offset.clamp(bounds.start, bounds.end.max(bounds.start))
    }

    /// Whether it is after another position in every possible log.
    pub(crate) fn is_after(self, other: Self) -> bool {
        match (self, other) {
            (Self::End, Self::Beginning) => true,
            (Self::Offset(from), Self::Offset(to)) => from > to,
            (Self::Last(from), Self::Last(to)) => from < to,
            (Self::Time(from), Self::Time(to)) => from > to,
            _ => false,
        }
    }

    /// Refuses times with `dev`, whose broker cannot look them up.
    pub(crate) fn check_dev(self, dev: bool) -> Result<(), Error> {
        match self {
            Self::Time(_) if dev => Err(Error::new(
                ErrorKind::Usage,
                "the broker of `dev` cannot look up offsets by time; use an offset, -N, `beginning` or `end`",
            )),
            _ => Ok(()),
        }
    }
}

/// In the form of the command line.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => f.write_str("beginning"),
            Self::End => f.write_str("end"),
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Last(count) => write!(f, "-{count}"),
            Self::Time(time) => humantime::format_rfc3339(*time).fmt(f),
        }
    }
}

/// How long a poll may take, so that signals are handled soon.
pub(crate) const POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_position_is_a_word_an_offset_a_time_or_a_time_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let read = |text: &str| Position::parse_at(text, now).unwrap();
        let at = |seconds| Position::Time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(read("beginning"), Position::Beginning);
        assert_eq!(read("end"), Position::End);
        assert_eq!(
            (read("1200"), read("-10")),
            (Position::Offset(1200), Position::Last(10))
        );
        assert_eq!(read("1970-01-01T01:00:00Z"), at(3_600));
        assert_eq!(read("1970-01-02"), at(86_400));
        assert_eq!(read("1h"), at(6_400));
        assert_eq!(
            Position::parse_at("soon", now).unwrap_err(),
            format!("expected {POSITIONS}")
        );
    }

    #[test]
    fn a_printed_position_can_be_parsed() {
        for text in ["beginning", "end", "1200", "-10", "1970-01-01T01:00:00Z"] {
            assert_eq!(Position::parse(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_position_after_another_in_every_log_is_before_it_in_none(
            start in 0i64..10, len in 0i64..10, from in 0i64..20, to in 0i64..20, times in (0i64..20, 0i64..20)
        ) {
            let bounds = Bounds { start, end: start + len };
            let at = |seconds: i64| Position::Time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()));
            let all = |number: i64, time: i64| {
                // The offset of a time only grows with it.
                [Position::Beginning, Position::End, Position::Offset(number), Position::Last(number), at(time)]
                    .map(|position| (position, position.within(bounds, Some(time))))
            };
            for (from, first) in all(from, times.0) {
                for (to, last) in all(to, times.1) {
                    prop_assert!(!from.is_after(to) || first >= last, "{from} {to}");
                    prop_assert!(!(from.is_after(to) && to.is_after(from)));
                }
            }
        }

        #[test]
        fn an_offset_is_always_within_the_log_or_at_its_end(start in 0i64..100, len in 0i64..100, number: i64) {
            let bounds = Bounds { start, end: start + len };
            for position in [Position::Beginning, Position::End, Position::Offset(number), Position::Last(number)] {
                prop_assert!((start..=start + len).contains(&position.within(bounds, None)));
            }
            let time = Position::Time(SystemTime::UNIX_EPOCH);
            prop_assert!((start..=start + len).contains(&time.within(bounds, Some(number))));
        }
    }
}
