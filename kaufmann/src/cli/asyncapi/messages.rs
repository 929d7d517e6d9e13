//! Events and dead letters as AsyncAPI messages. Pure.

use crate::handler::failure_kind::FailureKind;
use crate::record::names;
use serde_json::{Map, Value, json};

use crate::config::SubjectStrategy;
use crate::handler::event::EventInfo;
use crate::record::names::DUE;

/// The version of AsyncAPI's Kafka bindings.
pub(super) const BINDING: &str = "0.5.0";

/// The name of the message for dead letters.
pub(super) const LETTER: &str = "dead-letter";

/// The name of the message for records in retry topics.
pub(super) const RETRY: &str = "retry-record";

/// The schema format of payloads: the specification by which schemas are read.
const AVRO: &str = "application/vnd.apache.avro;version=1.12.0";

/// The message of an event. Published events have all headers; events that are read are recognised by their schema, and may have them.
pub(super) fn event(info: &EventInfo, subject: SubjectStrategy, is_published: bool) -> Value {
    let schema: Value = serde_json::from_str(info.schema).unwrap_or_default();
    let mut message = json!({
        "name": info.name,
        "contentType": "application/avro",
        "headers": headers(info.name, is_published),
        "correlationId": { "location": "$message.header#/ce_correlationid" },
        "payload": { "schemaFormat": AVRO, "schema": schema },
        "bindings": { "kafka": binding(info, subject) },
    });
    if let Some(doc) = schema.get("doc").and_then(Value::as_str) {
        message["summary"] = json!(doc);
    }
    let samples: Vec<Value> = info
        .samples
        .iter()
        .filter_map(|sample| Some(json!({ "payload": serde_json::from_str::<Value>(sample).ok()? })))
        .collect();
    if !samples.is_empty() {
        message["examples"] = json!(samples);
    }
    message
}

fn binding(info: &EventInfo, subject: SubjectStrategy) -> Value {
    let mut binding = json!({
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": match subject {
            SubjectStrategy::Record => "RecordNameStrategy",
            SubjectStrategy::Topic => "TopicNameStrategy",
            SubjectStrategy::TopicRecord => "TopicRecordNameStrategy",
        },
        "bindingVersion": BINDING,
    });
    if let Some(key) = info.key {
        binding["key"] = json!({
            "type": "string",
            "description": format!("the field `{key}` of the payload; records with the same key are handled in order"),
        });
    }
    binding
}

/// The CloudEvents headers, as Kafka's binding of CloudEvents has them in its binary mode.
fn headers(event: &str, is_published: bool) -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let mut headers = json!({
        "type": "object",
        "properties": {
            (names::SPEC_VERSION): { "type": "string", "const": "1.0" },
            (names::ID): text("the event's id, which stays the same if it is published again"),
            (names::TYPE): { "type": "string", "const": event },
            (names::SOURCE): { "type": "string", "format": "uri-reference", "description": "its producer" },
            (names::TIME): { "type": "string", "format": "date-time", "description": "when it was produced" },
            (names::CONTENT_TYPE): { "type": "string", "const": "application/avro" },
            (names::CORRELATION): text("the id of the first event in the chain of causes"),
            (names::CAUSATION): text("the id of the event that caused it"),
        },
    });
    if is_published {
        headers["required"] = json!([
            names::SPEC_VERSION,
            names::ID,
            names::TYPE,
            names::SOURCE,
            names::TIME,
            names::CONTENT_TYPE
        ]);
    }
    headers
}

/// The message of a dead letter.
pub(super) fn dead_letter() -> Value {
    let summary =
        "A record that could not be handled: its key, payload and headers, and headers with the reason.";
    of_failure(LETTER, summary, &[])
}

/// The message of a record in a retry topic.
pub(super) fn retry() -> Value {
    let summary = "A record that waits for a retry: its key, payload and headers, and headers with the reason and the due time.";
    let due = "when its retry is due, RFC 3339";
    of_failure(RETRY, summary, &[(DUE, due)])
}

fn of_failure(name: &str, summary: &str, more: &[(&str, &str)]) -> Value {
    let mut properties = Map::new();
    let [others @ .., last] = FailureKind::ALL.map(|kind| format!("`{kind}`"));
    let classes = format!("{} or {last}", others.join(", "));
    let of_both = [
        (names::CLASS, &*classes),
        (names::ERROR, "the error with its causes"),
        (names::ATTEMPTS, "the number of attempts"),
        (names::ERROR_EVENT, "the event's name, if it is known"),
        (names::ERROR_HANDLER, "the handler, if there was one"),
        (names::ERROR_TIME, "when its last attempt failed"),
        (names::SOURCE_TOPIC, "where the record came from"),
        (names::SOURCE_PARTITION, "its partition there"),
        (names::SOURCE_OFFSET, "its offset there"),
        (
            names::SOURCE_TIMESTAMP,
            "its timestamp there, in milliseconds since the Unix epoch",
        ),
    ];
    for (header, description) in of_both.iter().chain(more) {
        properties.insert(
            (*header).to_owned(),
            json!({ "type": "string", "description": description }),
        );
    }
    let required = [names::CLASS]
        .into_iter()
        .chain(more.iter().map(|(header, _)| *header));
    let required: Vec<&str> = required.collect();
    json!({
        "name": name,
        "summary": summary,
        "headers": { "type": "object", "properties": properties, "required": required },
        "bindings": { "kafka": { "bindingVersion": BINDING } },
    })
}
