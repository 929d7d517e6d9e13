//! A record that cannot be handled, as it is written to the dead-letter topic: key, payload and headers as they were, and
//! headers that say where it comes from and why.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use crate::publish::{Message, MessageHeaders};
use crate::record::Record;
use crate::wire::{Frame, SchemaKey, frame};

/// Why a record becomes a letter.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// `undecodable`, `failed`, `panicked` or `timed-out`.
    pub(crate) class: &'static str,
    /// The error with its causes.
    pub(crate) error: String,
    /// The event's name, if it is known.
    pub(crate) event: Option<&'static str>,
    /// The handler's path in the service's list, if there was one.
    pub(crate) handler: Option<&'static str>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Whether it would have been tried again, had not too many others waited.
    pub(crate) cut_short: bool,
}

/// How much of an error's text a letter carries.
const MAX_ERROR: usize = 8 << 10;

/// The record as a letter.
pub(crate) fn letter(topic: &Arc<str>, record: &Record, reason: &Reason, now: SystemTime) -> Message {
    let mut headers = MessageHeaders::with_capacity(512);
    for (name, value) in record.headers() {
        headers.push(name, value);
    }
    let mut say = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
    say("kaufmann-error-class", reason.class);
    say("kaufmann-error", shortened(&reason.error));
    say("kaufmann-error-attempts", &reason.attempts.to_string());
    if reason.cut_short {
        say("kaufmann-error-cut-short", "true");
    }
    if let Some(event) = reason.event {
        say("kaufmann-error-event", event);
    }
    if let Some(handler) = reason.handler {
        say("kaufmann-error-handler", handler);
    }
    say(
        "kaufmann-error-time",
        &humantime::format_rfc3339_millis(now).to_string(),
    );
    say("kaufmann-source-topic", record.topic());
    say("kaufmann-source-partition", &record.partition().to_string());
    say("kaufmann-source-offset", &record.offset().to_string());
    if let Some(timestamp) = record.timestamp() {
        say("kaufmann-source-timestamp", &timestamp.to_string());
    }
    if let Ok(Some(Frame { schema, .. })) = frame(record) {
        let id = match schema {
            SchemaKey::Id(id) => id.to_string(),
            SchemaKey::Guid(guid) => Uuid::from_bytes(guid).to_string(),
        };
        say("kaufmann-source-schema-id", &id);
    }
    Message {
        topic: Arc::clone(topic),
        key: record.key().map(<[u8]>::to_vec),
        payload: record.payload().map(<[u8]>::to_vec),
        headers,
    }
}

/// The beginning of a text, no longer than a letter should carry.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_ERROR)]
}
