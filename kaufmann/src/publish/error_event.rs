//! The event of a record that could not be handled: `event.error.<name>`, with a schema of the framework.
//!
//! It has the same content as a dead letter, so that a caller that waits for a reply learns that none will come. It has one subject for
//! all events; its name in `ce_type` ends in the name of the event that failed.

use std::time::{SystemTime, UNIX_EPOCH};

use kaufmann_avro::encode;

use crate::handler::check::POISON;
use crate::handler::event::EventInfo;
use crate::publish::dead_letter::Reason;
use crate::record::wire::{Frame, SchemaKey, frame};
use crate::record::{Origin, Record};

/// The event of all failures.
pub(crate) static ERROR: EventInfo = EventInfo {
    name: "event.error",
    full_name: "event.error",
    schema: include_str!("error_event.avsc"),
    defined_at: "kaufmann's own schema of errors",
    ..POISON
};

/// The name in `ce_type`: `event.error.user.create`.
pub(crate) fn name(reason: &Reason) -> String {
    format!("{}.{}", ERROR.name, reason.event.unwrap_or("unknown"))
}

/// The datum, in the order of the schema's fields.
pub(crate) fn datum(record: &Record, source: Option<&Origin>, reason: &Reason, now: SystemTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + record.size());
    optional(&mut out, reason.event, encode::string);
    encode::string(&mut out, reason.class.name());
    encode::string(&mut out, &reason.error);
    optional(&mut out, reason.handler, encode::string);
    encode::long(&mut out, i64::from(reason.attempts));
    let time = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    encode::long(&mut out, i64::try_from(time).unwrap_or(i64::MAX));
    let (topic, partition, offset) = match source {
        Some(Origin { place, .. }) => (&*place.topic, place.partition, place.offset),
        None => (record.topic(), record.partition(), record.offset()),
    };
    encode::string(&mut out, topic);
    encode::int(&mut out, partition);
    encode::long(&mut out, offset);
    let id = match frame(record) {
        Ok(Some(Frame {
            schema: SchemaKey::Id(id),
            ..
        })) => Some(id),
        _ => None,
    };
    optional(&mut out, id, |out, id| encode::long(out, i64::from(id)));
    optional(&mut out, record.key(), encode::bytes);
    optional(&mut out, record.payload(), encode::bytes);
    out
}

/// Encodes a union of null and another type.
fn optional<T>(out: &mut Vec<u8>, value: Option<T>, encode: impl FnOnce(&mut Vec<u8>, T)) {
    encode::index(out, usize::from(value.is_some()));
    if let Some(value) = value {
        encode(out, value);
    }
}

#[cfg(test)]
mod tests {
    use kaufmann_avro::Schema;

    use super::*;

    #[test]
    fn the_schema_is_valid_and_its_full_name_is_the_events() {
        let schema = Schema::parse(ERROR.schema).unwrap();
        assert_eq!(schema.name().unwrap().to_string(), ERROR.full_name);
    }

    #[test]
    fn the_name_ends_in_that_of_the_event_that_failed() {
        let mut reason = Reason {
            class: crate::handler::failure_kind::FailureKind::Failed,
            error: "no".to_owned(),
            event: Some("user.create"),
            handler: None,
            attempts: 1,
            cut_short: false,
        };
        assert_eq!(name(&reason), "event.error.user.create");
        reason.event = None;
        assert_eq!(name(&reason), "event.error.unknown");
    }
}
