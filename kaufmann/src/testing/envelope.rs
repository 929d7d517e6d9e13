//! An event as somebody else would publish it: checked against its schema, framed, with CloudEvents' headers.

use std::time::{Duration, UNIX_EPOCH};

use kaufmann_avro::json::{decode_json, encode_json};
use kaufmann_avro::{Schema, decode};
use uuid::Uuid;

use crate::handler::event::{Event, EventInfo};
use crate::handler::outcome::Outgoing;
use crate::publish::envelope::Envelope;
use crate::publish::{Message, MessageHeaders, Placement};

/// Looks whether an event is a value of its schema, and is the same when it was written and read; gives it encoded.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn checked<E: Event>(event: &E) -> Result<Outgoing, String> {
    let outgoing = Outgoing::new(event);
    let schema = parsed(E::INFO.schema)?;
    let value = |datum: &[u8]| decode_json(&schema.model, &schema.root, datum);
    let written = value(&outgoing.datum).map_err(|error| {
        format!(
            "`{}` is no value of its schema ({}): {error}",
            E::NAME,
            E::INFO.defined_at
        )
    })?;
    let again = decode::<E>(&outgoing.datum).map_err(|error| {
        format!(
            "`{}` cannot be read again: {error}; it was written as {written}",
            E::NAME
        )
    })?;
    let read = value(&Outgoing::new(&again).datum).ok();
    if read.as_ref() == Some(&written) {
        Ok(outgoing)
    } else {
        let read = read.unwrap_or_default();
        Err(format!(
            "`{}` was written as {written}, but read again as {read}",
            E::NAME
        ))
    }
}

/// Encodes JSON by a writer's schema.
///
/// # Errors
///
/// If one of them is wrong, or they do not fit.
pub(super) fn written(schema: &str, payload: &str) -> Result<(String, Vec<u8>), String> {
    let parsed = parsed(schema)?;
    let name = parsed.name().map(ToString::to_string).unwrap_or_default();
    let value = serde_json::from_str(payload).map_err(|error| format!("the payload is not JSON: {error}"))?;
    let mut datum = Vec::new();
    encode_json(&parsed.model, &parsed.root, &value, &mut datum)
        .map_err(|error| format!("the payload is no value of the schema `{name}`: {error}"))?;
    Ok((name, datum))
}

fn parsed(schema: &str) -> Result<Schema, String> {
    Schema::parse(schema).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        format!("this is not an Avro schema: {}", errors.join("; "))
    })
}

/// What tells an event from others: its name and its payload, or of a tombstone its key.
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

/// The record of an event. Its id follows from what it says and how often the same was given, so that it is the same in every run.
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

/// The headers with this one in the place of those of its name.
pub(super) fn with_header(headers: &MessageHeaders, name: &str, value: &[u8]) -> MessageHeaders {
    let mut changed = MessageHeaders::with_capacity(512);
    for (other, value) in headers.iter().filter(|(other, _)| *other != name) {
        changed.push(other, value);
    }
    changed.push(name, Some(value));
    changed
}
