//! A record that cannot be handled, as it is written to the dead-letter topic: key, payload and headers as they were, and
//! headers that say where it comes from and why.

use std::sync::Arc;
use std::time::SystemTime;

use crate::publish::{Message, MessageHeaders};
use crate::record::Record;

/// Why a record becomes a letter.
#[derive(Clone, Debug)]
pub(crate) struct Reason {
    /// `undecodable` or `failed`.
    pub(crate) class: &'static str,
    /// The error with its causes.
    pub(crate) error: String,
    /// The handler's path in the service's list, if there was one.
    pub(crate) handler: Option<&'static str>,
    /// How often it was tried.
    pub(crate) attempts: u32,
}

/// The record as a letter.
pub(crate) fn letter(topic: &Arc<str>, record: &Record, reason: &Reason, now: SystemTime) -> Message {
    let mut headers = MessageHeaders::with_capacity(512);
    for (name, value) in record.headers() {
        headers.push(name, value);
    }
    let mut say = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
    say("kaufmann-error-class", reason.class);
    say("kaufmann-error", &reason.error);
    say("kaufmann-error-attempts", &reason.attempts.to_string());
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
    Message {
        topic: Arc::clone(topic),
        key: record.key().map(<[u8]>::to_vec),
        payload: record.payload().map(<[u8]>::to_vec),
        headers,
    }
}
