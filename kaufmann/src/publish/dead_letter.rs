//! Dead letters: a record that cannot be handled, as it is written to the dead-letter topic, with its key, payload and headers, and
//! headers with its source and the failure.

use crate::handler::failure_kind::FailureKind;
use crate::record::names::{
    ATTEMPTS, CLASS, CUT_SHORT, DUE, ERROR, ERROR_EVENT, ERROR_HANDLER, ERROR_TIME, HEADERS_CUT, HISTORY,
    ORIGIN, OURS, PAYLOAD_CUT, SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_SCHEMA_ID, SOURCE_TIMESTAMP,
    SOURCE_TOPIC,
};
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use self::opened::DeadLetter;
use crate::base::bounded_text::bounded;
use crate::publish::{Message, MessageHeaders, Placement};
use crate::record::wire::{Frame, SchemaKey, frame};
use crate::record::{Origin, Record, SourcePlace};

#[cfg_attr(
    not(all(feature = "cli", feature = "kafka", feature = "registry")),
    allow(
        dead_code,
        reason = "without the commands dead letters are opened only to be written again"
    )
)]
pub(crate) mod opened;

/// Why a record becomes a dead letter.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// How it failed.
    pub(crate) class: FailureKind,
    /// The error with its causes.
    pub(crate) error: String,
    /// The event's name, if known.
    pub(crate) event: Option<&'static str>,
    /// The handler's path in the service's list, if there was one.
    pub(crate) handler: Option<&'static str>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Whether it would have been retried, but too many records were waiting.
    pub(crate) cut_short: bool,
}

/// The dead letter of a record. Headers of an earlier failure, such as the one before a retry topic, become its history.
pub(crate) fn dead_letter(topic: &Arc<str>, record: &Record, reason: &Reason, now: SystemTime) -> Message {
    let is_the_records = |(name, _): &(&str, _)| !opened::is_of_failure(name);
    let mut headers = collected(record.headers().filter(is_the_records));
    if let Some(earlier) = DeadLetter::open(record) {
        headers.push(HISTORY, Some(&earlier.failure.to_json()));
    }
    let mut say = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
    say(CLASS, reason.class.name());
    say(ERROR, &bounded(&reason.error));
    say(ATTEMPTS, &reason.attempts.to_string());
    if reason.cut_short {
        say(CUT_SHORT, "true");
    }
    if let Some(event) = reason.event {
        say(ERROR_EVENT, event);
    }
    if let Some(handler) = reason.handler {
        say(ERROR_HANDLER, handler);
    }
    say(ERROR_TIME, &humantime::format_rfc3339_millis(now).to_string());
    let Origin { place, timestamp } = record.source().unwrap_or_else(|| Origin::here(record));
    if let Some(first) = Origin::before(record, &place) {
        say(ORIGIN, &first.to_string());
    }
    let SourcePlace {
        topic: source,
        partition,
        offset,
    } = place;
    say(SOURCE_TOPIC, &source);
    say(SOURCE_PARTITION, &partition.to_string());
    say(SOURCE_OFFSET, &offset.to_string());
    if let Some(timestamp) = timestamp {
        say(SOURCE_TIMESTAMP, &timestamp.to_string());
    }
    if let Ok(Some(Frame { schema, .. })) = frame(record) {
        let id = match schema {
            SchemaKey::Id(id) => id.to_string(),
            SchemaKey::Guid(guid) => Uuid::from_bytes(guid).to_string(),
        };
        say(SOURCE_SCHEMA_ID, &id);
    }
    message(Arc::clone(topic), record, headers)
}

/// The message with a record's key and payload.
fn message(topic: Arc<str>, record: &Record, headers: MessageHeaders) -> Message {
    Message {
        topic,
        key: record.key().map(<[u8]>::to_vec),
        placement: Placement::Key,
        payload: record.payload().map(<[u8]>::to_vec),
        headers,
    }
}

/// The headers of a message, with room for those of a failure.
fn collected<'a>(headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> MessageHeaders {
    let mut collected = MessageHeaders::with_capacity(512);
    for (name, value) in headers {
        collected.push(name, value);
    }
    collected
}

/// The message of a record for a retry topic, where it waits until it is `due`.
pub(crate) fn retry_message(
    topic: &Arc<str>,
    record: &Record,
    reason: &Reason,
    (now, due): (SystemTime, SystemTime),
) -> Message {
    let mut message = dead_letter(topic, record, reason, now);
    let due = humantime::format_rfc3339_millis(due).to_string();
    message.headers.push(DUE, Some(due.as_bytes()));
    message
}

/// After how many refusals a dead letter is shortened. A broker refuses whole batches, so a small one may be refused
/// together with a large one; sent again, it is usually in another batch.
const PATIENCE: u32 = 3;

/// The dead letter of a message that was refused as too large for its retry topic. `None` if it is another message, or if it has
/// been refused fewer than [`PATIENCE`] times.
pub(crate) fn retry_as_dead_letter(
    message: &Message,
    attempts: u32,
    dead_letter_topic: &Arc<str>,
) -> Option<Message> {
    if attempts < PATIENCE || message.headers.get(DUE).is_none() {
        return None;
    }
    Some(Message {
        topic: Arc::clone(dead_letter_topic),
        headers: collected(message.headers.iter().filter(|(name, _)| *name != DUE)),
        ..message.clone()
    })
}

/// A shorter form of a dead letter that was refused as too large: first without the payload, then without the record's headers. Key,
/// error and the position in the source topic remain. `None` if it is not a dead letter, has not been refused often enough, or cannot be
/// shortened any more.
pub(crate) fn shortened(message: &Message, attempts: u32) -> Option<Message> {
    message.headers.get(CLASS)?;
    if message.headers.get(DUE).is_some() {
        return None;
    }
    if let Some(payload) = message.payload.as_ref().filter(|_| attempts >= PATIENCE) {
        let mut headers = message.headers.clone();
        headers.push(PAYLOAD_CUT, Some(payload.len().to_string().as_bytes()));
        return Some(Message {
            payload: None,
            headers,
            ..message.clone()
        });
    }
    if attempts < 2 * PATIENCE || message.headers.get(HEADERS_CUT).is_some() {
        return None;
    }
    let mut headers = collected(message.headers.iter().filter(|(name, _)| name.starts_with(OURS)));
    headers.push(HEADERS_CUT, Some(b"true"));
    Some(Message {
        headers,
        ..message.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RawRecord;

    fn of(payload: &[u8], error: &str) -> Message {
        let record = Record::of(&RawRecord {
            offset: 7,
            timestamp: None,
            key: Some(b"k"),
            payload: Some(payload),
            headers: &[("shop", Some(b"north"))],
        });
        let reason = Reason {
            class: FailureKind::Failed,
            error: error.to_owned(),
            event: None,
            handler: None,
            attempts: 2,
            cut_short: true,
        };
        dead_letter(&"t".into(), &record, &reason, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_dead_letter_loses_its_payload_first_then_the_records_headers_and_nothing_else() {
        let whole = of(b"payload", "no");
        assert_eq!(shortened(&whole, PATIENCE - 1), None);
        let short = shortened(&whole, PATIENCE).unwrap();
        assert_eq!((&short.payload, &short.key), (&None, &whole.key));
        assert_eq!(short.headers.get(PAYLOAD_CUT), Some(&b"7"[..]));
        assert_eq!(short.headers.get("shop"), Some(&b"north"[..]));
        assert_eq!(shortened(&short, PATIENCE + 1), None);
        let shortest = shortened(&short, 2 * PATIENCE).unwrap();
        assert_eq!(shortest.headers.get("shop"), None);
        assert_eq!(shortest.headers.get("kaufmann-source-offset"), Some(&b"7"[..]));
        assert_eq!(shortest.headers.get(PAYLOAD_CUT), Some(&b"7"[..]));
        assert_eq!(shortened(&shortest, 100), None);
    }

    #[test]
    fn a_record_too_large_for_its_retry_topic_becomes_a_whole_dead_letter() {
        let topic: Arc<str> = "dead".into();
        let mut waits = of(b"payload", "no");
        assert_eq!(retry_as_dead_letter(&waits, 100, &topic), None, "a dead letter");
        waits.headers.push(DUE, Some(b"2026-01-01T00:00:00Z"));
        assert_eq!(shortened(&waits, 100), None);
        assert_eq!(retry_as_dead_letter(&waits, PATIENCE - 1, &topic), None);
        let letter = retry_as_dead_letter(&waits, PATIENCE, &topic).unwrap();
        assert_eq!((&letter.topic, &letter.payload), (&topic, &waits.payload));
        assert_eq!(letter.headers.get(DUE), None);
        assert!(shortened(&letter, PATIENCE).is_some());
    }

    #[test]
    fn a_message_that_is_not_a_dead_letter_is_never_shortened() {
        let mut reply = of(b"payload", "no");
        reply.headers = MessageHeaders::default();
        assert_eq!(shortened(&reply, 100), None);
    }

    #[test]
    fn a_dead_letter_has_only_the_beginning_of_a_long_error() {
        let letter = of(b"", &"é".repeat(2 << 20));
        assert!(letter.headers.get("kaufmann-error").unwrap().len() < crate::base::bounded_text::MAX + 40);
    }
}
