//! Where a record was first read, if it is now elsewhere: in one of the service's retry topics, or sent back to its topic by
//! `dlq replay`. That place identifies an event without an id of its own, and the events that it causes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Record;
use super::names::{ORIGIN, SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TIMESTAMP, SOURCE_TOPIC};

/// The place of a record in Kafka, now or earlier.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SourcePlace {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// Where a record was first read, and its time there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub(crate) place: SourcePlace,
    pub(crate) timestamp: Option<i64>,
}

/// `orders/3@17`
impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for SourcePlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (partition, offset) = text.rsplit_once('@').ok_or(())?;
        let (topic, partition) = partition.rsplit_once('/').ok_or(())?;
        Ok(Self {
            topic: topic.to_owned(),
            partition: partition.parse().map_err(drop)?,
            offset: offset.parse().map_err(drop)?,
        })
    }
}

impl SourcePlace {
    /// The place of a record.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            topic: record.topic().to_owned(),
            partition: record.partition(),
            offset: record.offset(),
        }
    }

    /// Whether a record from here can have been sent back to `later`: to its own partition, so at a higher offset.
    fn precedes(&self, later: &Self) -> bool {
        self.topic == later.topic && self.partition == later.partition && self.offset < later.offset
    }
}

/// In the form of the header [`ORIGIN`].
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        self.timestamp
            .map_or(Ok(()), |timestamp| write!(f, " {timestamp}"))
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (place, timestamp) = match text.split_once(' ') {
            Some((place, timestamp)) => (place, Some(timestamp.parse().map_err(drop)?)),
            None => (text, None),
        };
        Ok(Self {
            place: place.parse()?,
            timestamp,
        })
    }
}

impl Origin {
    /// The place of a record.
    pub(crate) fn here(record: &Record) -> Self {
        Self {
            place: SourcePlace::of(record),
            timestamp: record.timestamp(),
        }
    }

    /// The origin in the headers of a dead letter or of a record in a retry topic. In other topics anybody may write these headers.
    pub(crate) fn from_headers(record: &Record) -> Option<Self> {
        let text = |name| std::str::from_utf8(record.header(name)?).ok();
        Some(Self {
            place: SourcePlace {
                topic: text(SOURCE_TOPIC)?.to_owned(),
                partition: text(SOURCE_PARTITION)?.parse().ok()?,
                offset: text(SOURCE_OFFSET)?.parse().ok()?,
            },
            timestamp: text(SOURCE_TIMESTAMP).and_then(|text| text.parse().ok()),
        })
    }

    /// Where a record that was read at `place` had been read before it was sent back there. Any producer may have written the header,
    /// or copied it with a record of another topic, so it counts only if it is possible: a record cannot come from a later offset or
    /// another partition.
    pub(crate) fn before(record: &Record, place: &SourcePlace) -> Option<Self> {
        let text = std::str::from_utf8(record.header(ORIGIN)?).ok()?;
        let origin: Self = text.parse().ok()?;
        origin.place.precedes(place).then_some(origin)
    }
}

impl Record {
    /// Where a record in one of the service's retry topics was read before it was moved there; `None` in other topics.
    pub(crate) fn source(&self) -> Option<Origin> {
        if !self.assignment().is_retry_topic() {
            return None;
        }
        Origin::from_headers(self)
    }

    /// Where the record was first read, if it is now elsewhere.
    pub(crate) fn origin(&self) -> Option<Origin> {
        if !self.has_headers() {
            return None;
        }
        let source = self.source();
        if self.header(ORIGIN).is_none() {
            return source;
        }
        let place = source
            .as_ref()
            .map_or_else(|| SourcePlace::of(self), |source| source.place.clone());
        Origin::before(self, &place).or(source)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::assignment::Assignment;
    use crate::record::RawRecord;

    const RETRY: &str = "g.retry.1m";

    fn record(topic: &str, offset: i64, headers: &[(&str, &str)]) -> Record {
        let assignment = Arc::new(Assignment::new(1, topic.into(), 2));
        if topic == RETRY {
            assignment.set_retry_topic();
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, Some(value.as_bytes())))
            .collect();
        Record::at(
            &assignment,
            &RawRecord {
                offset,
                timestamp: Some(9),
                key: None,
                payload: None,
                headers: &headers,
            },
        )
    }

    fn source<'a>(topic: &'a str, partition: &'a str, offset: &'a str) -> [(&'static str, &'a str); 3] {
        [
            (SOURCE_TOPIC, topic),
            (SOURCE_PARTITION, partition),
            (SOURCE_OFFSET, offset),
        ]
    }

    #[test]
    fn a_record_in_our_retry_topic_is_the_one_of_its_source_and_elsewhere_the_headers_mean_nothing() {
        let headers = source("orders", "2", "7");
        assert_eq!(record(RETRY, 40, &headers).event_id(), "orders/2@7");
        for elsewhere in ["orders", "g.retry.2m", "other.retry.1m", "primary.g.retry.1m"] {
            let record = record(elsewhere, 40, &headers);
            assert_eq!(record.event_id(), format!("{elsewhere}/2@40"));
            assert_eq!(record.source(), None);
        }
    }

    #[test]
    fn incomplete_and_invalid_origin_headers_are_ignored() {
        let whole = source("orders", "2", "7");
        for missing in 0..3 {
            let mut headers = whole.to_vec();
            headers.remove(missing);
            assert_eq!(record(RETRY, 40, &headers).event_id(), "g.retry.1m/2@40");
            headers.insert(missing, (whole[missing].0, "\u{e9}"));
            let expected = if missing == 0 {
                "\u{e9}/2@7"
            } else {
                "g.retry.1m/2@40"
            };
            assert_eq!(record(RETRY, 40, &headers).event_id(), expected);
        }
        for none in [
            "",
            "orders",
            "orders/2",
            "orders/2@",
            "orders/x@7",
            "orders/2@7 ",
            "orders/2@7 soon",
            "/@",
        ] {
            let record = record("orders", 40, &[(ORIGIN, none)]);
            assert_eq!(record.event_id(), "orders/2@40", "{none:?}");
        }
    }

    #[test]
    fn the_origin_of_a_record_that_was_sent_back_is_at_a_lower_offset_of_its_partition() {
        let id = |origin: &str| record("orders", 40, &[(ORIGIN, origin)]).event_id();
        assert_eq!(id("orders/2@7 5"), "orders/2@7");
        assert_eq!(id("orders/2@39"), "orders/2@39");
        for forged in [
            "orders/2@40 5",
            "orders/2@41 5",
            "orders/1@7 5",
            "payments/2@7 5",
            "a/orders/2@7",
        ] {
            assert_eq!(id(forged), "orders/2@40", "{forged}");
        }
        // A mirrored copy has another topic's name, or other offsets.
        let mirrored = record("primary.orders", 40, &[(ORIGIN, "orders/2@7 5")]);
        assert_eq!(mirrored.event_id(), "primary.orders/2@40");
    }

    #[test]
    fn a_record_that_was_sent_back_and_waits_in_a_retry_topic_is_still_the_first_one() {
        let mut headers = source("orders", "2", "40").to_vec();
        headers.push((ORIGIN, "orders/2@7 5"));
        let again = record(RETRY, 3, &headers);
        assert_eq!(again.event_id(), "orders/2@7");
        assert_eq!(again.origin().unwrap().timestamp, Some(5));
        assert_eq!(again.source().unwrap().place.to_string(), "orders/2@40");
        headers.pop();
        headers.push((ORIGIN, "orders/2@41 5"));
        assert_eq!(record(RETRY, 3, &headers).event_id(), "orders/2@40");
    }

    #[test]
    fn an_id_of_its_own_overrides_all_places_unless_it_is_empty() {
        let mut headers = source("orders", "2", "7").to_vec();
        headers.extend([("ce_source", "/shop"), ("ce_id", "42")]);
        assert_eq!(record(RETRY, 40, &headers).event_id(), "/shop 42");
        headers.push(("ce_id", ""));
        assert_eq!(record(RETRY, 40, &headers).event_id(), "orders/2@7");
    }

    proptest! {
        #[test]
        fn an_origin_is_read_as_it_was_written(
            topic in "[a-zA-Z0-9._-]{1,40}",
            partition in 0..i32::MAX,
            offset in 0..i64::MAX,
            timestamp in prop::option::of(any::<i64>()),
        ) {
            let origin = Origin { place: SourcePlace { topic, partition, offset }, timestamp };
            prop_assert_eq!(origin.to_string().parse(), Ok(origin));
        }

        #[test]
        fn any_text_can_be_parsed_without_a_panic(text in ".{0,60}") {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>(), Ok(origin));
            }
        }
    }
}
