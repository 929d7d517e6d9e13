//! The headers of an event: CloudEvents 1.0 in the Kafka binding's binary mode, with correlation and causation.
//!
//! | header | value |
//! |---|---|
//! | `ce_specversion` | `1.0` |
//! | `ce_id` | of a reply: a UUID derived from its cause, so that a repeated reply has the same one; else a new one |
//! | `ce_type` | the event's name |
//! | `ce_source` | `publish.source` |
//! | `ce_time` | when it was created, RFC 3339 |
//! | `content-type` | `application/avro` |
//! | `ce_correlationid` | that of the cause, else the cause's id |
//! | `ce_causationid` | the cause's id |
//!
//! The id of a cause without one is the topic, partition and offset where it was read first: `orders/3@17`.

use std::time::SystemTime;

use uuid::Uuid;

use crate::config::Config;
use crate::publish::MessageHeaders;
use crate::record::names::{CAUSATION, CONTENT_TYPE, CORRELATION, ID, SOURCE, SPEC_VERSION, TIME, TYPE};
use crate::record::{Origin, Record};

/// The namespace of the ids of replies: an arbitrary constant that must not change.
const REPLIES: Uuid = Uuid::from_u128(0x5f1d_2c0a_77a4_4c0e_9d5b_6b61_7566_6d61);

/// The content of an event's headers.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'a> {
    /// The event's own id.
    pub(crate) id: Uuid,
    /// The event's name.
    pub(crate) event: &'a str,
    /// The service that created it.
    pub(crate) source: &'a str,
    /// When it was created.
    pub(crate) time: SystemTime,
    /// The record that led to it.
    pub(crate) cause: Option<&'a Record>,
    /// Where the cause was read first, if that is another position than its own.
    pub(crate) origin: Option<Origin>,
}

impl Envelope<'_> {
    /// Writes the headers.
    pub(crate) fn headers(&self) -> MessageHeaders {
        let mut headers = MessageHeaders::with_capacity(384);
        let mut text = Uuid::encode_buffer();
        headers.push(SPEC_VERSION, Some(b"1.0"));
        headers.push(ID, Some(self.id.hyphenated().encode_lower(&mut text).as_bytes()));
        headers.push(TYPE, Some(self.event.as_bytes()));
        headers.push(SOURCE, Some(self.source.as_bytes()));
        headers.push_text(TIME, &humantime::format_rfc3339_micros(self.time));
        headers.push(CONTENT_TYPE, Some(b"application/avro"));
        if let Some(cause) = self.cause {
            let causation = match (cause.id(), &self.origin) {
                (Some(id), _) => headers.push_with(CAUSATION, |value| value.extend_from_slice(id)),
                (None, Some(Origin { place, .. })) => headers.push_text(CAUSATION, place),
                (None, None) => headers.push_text(CAUSATION, cause),
            };
            match cause.header(CORRELATION) {
                Some(id) => headers.push(CORRELATION, Some(id)),
                None => headers.push_copy(CORRELATION, causation),
            }
        }
        headers
    }
}

/// The value of `ce_source` with this configuration.
pub(crate) fn source(config: &Config) -> String {
    let default = || format!("/{}", config.group);
    config.publish.source.clone().unwrap_or_else(default)
}

/// The id of the `number`-th event that a record's handler returned. The same record always has the same ids, so that a reader
/// recognises an event that is published again after a crash.
pub(crate) fn reply_id(cause: &Record, origin: Option<&Origin>, event: &str, number: usize) -> Uuid {
    let mut name = Vec::with_capacity(96);
    let (topic, partition, offset, timestamp) = match origin {
        // The ids stay the same, however often the record was moved.
        Some(Origin { place, timestamp }) => (&*place.topic, place.partition, place.offset, *timestamp),
        None => (
            cause.topic(),
            cause.partition(),
            cause.offset(),
            cause.timestamp(),
        ),
    };
    for part in [topic.as_bytes(), event.as_bytes()] {
        name.extend_from_slice(part);
        name.push(0);
    }
    name.extend_from_slice(&partition.to_be_bytes());
    name.extend_from_slice(&offset.to_be_bytes());
    // A topic that is created again has the same offsets again, but with other timestamps.
    name.extend_from_slice(&timestamp.unwrap_or(-1).to_be_bytes());
    name.extend_from_slice(&(number as u64).to_be_bytes());
    Uuid::new_v5(&REPLIES, &name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RawRecord;

    fn cause(headers: &[(&str, Option<&[u8]>)]) -> Record {
        Record::of(&RawRecord {
            offset: 7,
            timestamp: Some(1),
            key: None,
            payload: None,
            headers,
        })
    }

    fn headers(cause: &Record) -> MessageHeaders {
        let id = reply_id(cause, None, "user.created", 0);
        Envelope {
            id,
            event: "user.created",
            source: "/a",
            time: SystemTime::UNIX_EPOCH,
            cause: Some(cause),
            origin: None,
        }
        .headers()
    }

    #[test]
    fn a_reply_names_its_cause_and_keeps_its_correlation() {
        let headers = headers(&cause(&[
            ("ce_id", Some(b"42")),
            ("ce_correlationid", Some(b"c")),
        ]));
        assert_eq!(headers.get("ce_type"), Some(&b"user.created"[..]));
        assert_eq!(headers.get("ce_time"), Some(&b"1970-01-01T00:00:00.000000Z"[..]));
        assert_eq!(headers.get("ce_causationid"), Some(&b"42"[..]));
        assert_eq!(headers.get("ce_correlationid"), Some(&b"c"[..]));
    }

    #[test]
    fn the_id_of_a_cause_without_one_is_its_position() {
        let headers = headers(&cause(&[]));
        assert_eq!(headers.get("ce_causationid"), Some(&b"/0@7"[..]));
        assert_eq!(headers.get("ce_correlationid"), Some(&b"/0@7"[..]));
    }

    #[test]
    fn the_same_record_gives_the_same_ids_and_each_reply_its_own() {
        let record = cause(&[]);
        assert_eq!(reply_id(&record, None, "a", 0), reply_id(&record, None, "a", 0));
        assert_ne!(reply_id(&record, None, "a", 0), reply_id(&record, None, "a", 1));
        assert_ne!(reply_id(&record, None, "a", 0), reply_id(&record, None, "b", 0));
    }
}
