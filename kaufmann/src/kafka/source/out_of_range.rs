//! Offsets that are out of range: what librdkafka reports of them, and the service's text.
//!
//! librdkafka continues elsewhere by `auto.offset.reset` and reports that only in a line of its log; with `error` it returns
//! an error instead of a record. Neither tells how many records are lost, so the log's bounds are requested.

use crate::config::Config;
use crate::source::OffsetOutOfRange;

/// An offset that the log does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OutOfRange {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// The offset to be read next; `None` if the group has committed none.
    pub(super) offset: Option<i64>,
    /// Whether reading of the partition stops.
    pub(super) stops: bool,
}

impl OutOfRange {
    /// Parses a line of librdkafka's log of the facility `OFFSET`:
    /// `orders [3]: offset reset (at offset 5 (leader epoch 0), broker 1) to …`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (before, rest) = line.split_once("]: offset reset (at offset ")?;
        // librdkafka puts the thread's name before the line.
        let (topic, partition) = before.rsplit_once(" [")?;
        let topic = topic.rsplit(' ').next()?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        Some(Self {
            topic: topic.to_owned(),
            partition: partition.parse().ok()?,
            offset: Some(rest.get(..digits)?.parse().ok()?),
            stops: false,
        })
    }

    /// The event to report, with the log's bounds; `None` without an offset.
    pub(super) fn with_bounds(&self, (start, end): (i64, i64)) -> Option<OffsetOutOfRange> {
        Some(OffsetOutOfRange {
            topic: self.topic.as_str().into(),
            partition: self.partition,
            offset: self.offset?,
            log_start: start,
            log_end: end,
        })
    }

    /// Why reading of the partition stops, and what to do.
    pub(super) fn explain(&self, config: &Config, bounds: Option<(i64, i64)>) -> String {
        let Self { topic, partition, .. } = self;
        let group = &config.group;
        let known = match (bounds.and_then(|bounds| self.with_bounds(bounds)), self.offset) {
            (Some(missing), _) => missing.to_string(),
            (None, Some(offset)) => {
                format!("partition {partition} of topic `{topic}` no longer has a record at offset {offset}")
            }
            (None, None) => {
                format!("group `{group}` has committed no offset of partition {partition} of topic `{topic}`")
            }
        };
        format!(
            "{known}; `auto.offset.reset` in `[kafka]` forbids choosing another offset; set one with kafka-consumer-groups.sh \
             --reset-offsets --group {group} --topic {topic}:{partition} --to-earliest --execute \
             --bootstrap-server {}, or `auto.offset.reset` to earliest or latest",
            config.brokers.first().map_or("HOST:PORT", String::as_str)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafkas_log_line_of_a_reset_is_parsed() {
        let line = "[thrd:main]: orders.v2 [3]: offset reset (at offset 5 (leader epoch 0), broker 1) to cached \
                    BEGINNING offset offset 20 (leader epoch -1): fetch failed due to requested offset not available on \
                    the broker: Broker: Offset out of range";
        let expected = OutOfRange {
            topic: "orders.v2".into(),
            partition: 3,
            offset: Some(5),
            stops: false,
        };
        assert_eq!(OutOfRange::read(line), Some(expected));
        for other in [
            "",
            "t [0]: offset reset (at offset BEGINNING",
            "t [x]: offset reset (at offset 5 (",
        ] {
            assert_eq!(OutOfRange::read(other), None, "{other}");
        }
    }

    #[test]
    fn the_error_of_a_group_that_must_have_an_offset_names_how_to_set_one() {
        let mut config = Config::default();
        config.brokers = vec!["k:9092".into()];
        config.group = "g".into();
        let mut missing = OutOfRange {
            topic: "t".into(),
            partition: 3,
            offset: Some(5),
            stops: true,
        };
        let text = missing.explain(&config, Some((20, 30)));
        assert!(
            text.contains("offset 5") && text.contains("offset 20") && text.contains("15"),
            "{text}"
        );
        assert!(text.contains("--reset-offsets --group g --topic t:3"), "{text}");
        missing.offset = None;
        let text = missing.explain(&config, Some((20, 30)));
        assert!(
            text.starts_with("group `g` has committed no offset of partition 3 of topic `t`; "),
            "{text}"
        );
    }
}
