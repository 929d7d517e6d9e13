//! Builds the record of an event, as another service would publish it: checked against its schema, framed, with CloudEvents headers.

use std::time::{Duration, UNIX_EPOCH};

use kaufmann_avro::json::{decode_json, encode_json};
use kaufmann_avro::{Schema, decode};
use uuid::Uuid;

use crate::handler::event::{Event, EventInfo};
use crate::handler::outcome::Outgoing;
use crate::publish::envelope::Envelope;
use crate::publish::{Message, MessageHeaders, Placement};

/// Checks that an event is a value of its schema, and is unchanged after encoding and decoding. Returns it encoded.
///
/// # Errors
///
/// If not, with the reason.
pub(super) fn checked<E: Event>(event: &E) -> Result<Outgoing, String> {
    let outgoing = Outgoing::new(event);
    let schema = parsed(E::INFO.schema)?;
    let value = |datum: &[u8]| decode_json(&schema.model, &schema.root, datum);
    let written = value(&outgoing.datum).map_err(|error| {
        format!(
            "`{}` is not a value of its schema ({}): {error}",
            E::NAME,
            E::INFO.defined_at
        )
    })?;
    let again = decode::<E>(&outgoing.datum).map_err(|error| {
        format!(
            "`{}` cannot be decoded again: {error}; it was encoded as {written}",
            E::NAME
        )
    })?;
    let read = value(&Outgoing::new(&again).datum).ok();
    if read.as_ref() == Some(&written) {
        Ok(outgoing)
    } else {
        let read = read.unwrap_or_default();
        Err(format!(
            "`{}` was encoded as {written}, but decoded as {read}",
            E::NAME
        ))
    }
}

/// Encodes JSON with a writer's schema.
///
/// # Errors
///
/// If the schema or the JSON is invalid, or they do not match.
pub(super) fn written(schema: &str, payload: &str) -> Result<(String, Vec<u8>), String> {
    let parsed = parsed(schema)?;
    let name = parsed.name().map(ToString::to_string).unwrap_or_default();
    let value = serde_json::from_str(payload).map_err(|error| format!("the payload is not JSON: {error}"))?;
    let mut datum = Vec::new();
    encode_json(&parsed.model, &parsed.root, &value, &mut datum)
        .map_err(|error| format!("the payload is not a value of the schema `{name}`: {error}"))?;
    Ok((name, datum))
}

fn parsed(schema: &str) -> Result<Schema, String> {
    Schema::parse(schema).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        format!("this is not an Avro schema: {}", errors.join("; "))
    })
}

/// The bytes that identify an event: its name and its payload; for a tombstone, its key.
pub(super) fn content(outgoing: &Outgoing) -> Vec<u8> {
    let key = outgoing.key.as_deref().filter(|_| outgoing.tombstone);
    let what = key.unwrap_or(&outgoing.datum);
    [
        outgoing.info.name.as_bytes(),
        &[u8::from(outgoing.tombstone)],
        what,
    ]
    .concat()
}

/// The record of an event. Its id is derived from its content and the number of its occurrences, so that it is the same in every run.
pub(super) fn message(
    outgoing: &Outgoing,
    topic: &str,
    id: u32,
    occurrence: usize,
    timestamp: i64,
) -> Message {
    let EventInfo { name, .. } = *outgoing.info;
    let what = content(outgoing);
    let content = [&what[..], &occurrence.to_be_bytes()].concat();
    let envelope = Envelope {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, &content),
        event: name,
        source: "/test",
        time: UNIX_EPOCH + Duration::from_millis(timestamp.unsigned_abs()),
        cause: None,
        origin: None,
    };
    Message {
        topic: topic.into(),
        key: outgoing.key.clone(),
        placement: Placement::Key,
        payload: Outgoing::payload(outgoing.tombstone, id, outgoing.datum.clone()),
        headers: envelope.headers(),
    }
}

/// The headers, with this one instead of those with the same name.
pub(super) fn with_header(headers: &MessageHeaders, name: &str, value: &[u8]) -> MessageHeaders {
    let mut changed = MessageHeaders::with_capacity(512);
    for (other, value) in headers.iter().filter(|(other, _)| *other != name) {
        changed.push(other, value);
    }
    changed.push(name, Some(value));
    changed
}
