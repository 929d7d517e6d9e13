//! Events and dead letters as AsyncAPI messages. Pure.

use crate::handler::failure_kind::FailureKind;
use crate::record::names;
use serde_json::{Map, Value, json};

use crate::config::SubjectStrategy;
use crate::handler::event::EventInfo;
use crate::record::names::DUE;

/// The version of AsyncAPI's Kafka bindings.
pub(super) const BINDING: &str = "0.5.0";

/// The name of the message that is a dead letter.
pub(super) const LETTER: &str = "dead-letter";

/// The name of the message that is a record in a retry topic.
pub(super) const RETRY: &str = "retry-record";

/// The schema format of payloads: the specification by which schemas are read.
const AVRO: &str = "application/vnd.apache.avro;version=1.12.0";

/// An event. What the service publishes has all headers; what it reads is known by its schema, and may have them.
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
            "description": format!("the field `{key}` of the payload; what has the same key is handled in its order"),
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
            (names::ID): text("the event's own id; what is published again has the same"),
            (names::TYPE): { "type": "string", "const": event },
            (names::SOURCE): { "type": "string", "format": "uri-reference", "description": "who made it" },
            (names::TIME): { "type": "string", "format": "date-time", "description": "when it was made" },
            (names::CONTENT_TYPE): { "type": "string", "const": "application/avro" },
            (names::CORRELATION): text("the id of what it all began with"),
            (names::CAUSATION): text("the id of the event that led to it"),
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

/// A record that could not be handled, with why.
pub(super) fn letter() -> Value {
    let summary = "A record that could not be handled: key, payload and headers as they were, and headers that say why.";
    of_failure(LETTER, summary, &[])
}

/// A record that waits to be tried again, with why and until when.
pub(super) fn retry() -> Value {
    let summary = "A record that waits to be tried again: key, payload and headers as they were, and headers that say why, and until \
                   when.";
    let due = "before when it is not tried again, RFC 3339";
    of_failure(RETRY, summary, &[(DUE, due)])
}

fn of_failure(name: &str, summary: &str, more: &[(&str, &str)]) -> Value {
    let mut properties = Map::new();
    let [others @ .., last] = FailureKind::ALL.map(|kind| format!("`{kind}`"));
    let classes = format!("{} or {last}", others.join(", "));
    let of_both = [
        (names::CLASS, &*classes),
        (names::ERROR, "the error with its causes"),
        (names::ATTEMPTS, "how often it was tried"),
        (names::ERROR_EVENT, "the event's name, if it is known"),
        (names::ERROR_HANDLER, "the handler, if there was one"),
        (names::ERROR_TIME, "when it was given up"),
        (names::SOURCE_TOPIC, "where the record came from"),
        (names::SOURCE_PARTITION, "its partition there"),
        (names::SOURCE_OFFSET, "its offset there"),
        (
            names::SOURCE_TIMESTAMP,
            "its time there, in milliseconds since the Unix epoch",
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
