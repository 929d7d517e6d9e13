//! A record as a line of text or JSON.

use serde::Serialize;
use serde_json::Value;

use crate::base::bounded_text::bounded_to;
use crate::cli::cluster::decoder::{Decoded, Payload};
use crate::cli::cluster::shown::{headers, printable, short, time};
use crate::cli::paint::{Colour, Paint};
use crate::record::Record;

/// The width of the column of keys; longer keys are cut.
const KEY_WIDTH: usize = 12;

/// A record.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Line {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) time: Option<String>,
    pub(super) key: Option<String>,
    pub(super) event: Option<String>,
    pub(super) headers: Value,
    /// The decoded payload; `null` for a tombstone, or if it is not decoded.
    pub(super) payload: Option<Value>,
    /// The raw payload: with `--raw`, or if it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw: Option<String>,
    /// Why it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Line {
    /// A record that is not decoded.
    pub(super) fn raw(record: &Record) -> Self {
        let event = record.header(crate::record::names::TYPE).map(printable);
        Self {
            topic: record.topic().to_owned(),
            partition: record.partition(),
            offset: record.offset(),
            time: record.timestamp().map(time),
            key: record.key().map(printable),
            event,
            headers: headers(record),
            payload: None,
            raw: record.payload().map(printable),
            error: None,
        }
    }

    /// A decoded record.
    pub(super) fn decoded(record: &Record, decoded: Decoded) -> Self {
        let mut line = Self::raw(record);
        line.event = decoded.event.map(|event| printable(event.as_bytes()));
        match decoded.payload {
            Payload::Json(value) => {
                line.payload = Some(value);
                line.raw = None;
            }
            Payload::Tombstone => line.raw = None,
            Payload::Unreadable(why) => line.error = Some(why),
        }
        line
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Formats it as text: time, position, event, key, payload. `names` is the width of the column of events.
    pub(super) fn text(&self, names: usize, with_headers: bool, paint: Paint) -> String {
        let position = format!("{}/{}@{}", self.topic, self.partition, self.offset);
        let event = bounded_to(self.event.as_deref().unwrap_or("-"), 200);
        let key = short(self.key.as_deref().unwrap_or("-"), KEY_WIDTH);
        let payload = match (&self.payload, &self.error, &self.raw) {
            (Some(value), _, _) => value.to_string(),
            (None, Some(why), raw) => {
                let raw = raw.as_deref().unwrap_or_default();
                format!(
                    "{} {}",
                    paint.paint(Colour::Red, why),
                    paint.paint(Colour::Dim, &short(raw, 80))
                )
            }
            (None, None, Some(raw)) => raw.clone(),
            (None, None, None) => paint.paint(Colour::Dim, "(tombstone)"),
        };
        let headers = match with_headers {
            true => format!("{} ", paint.paint(Colour::Dim, &self.headers.to_string())),
            false => String::new(),
        };
        format!(
            "{}  {}  {}  {key:<KEY_WIDTH$}  {headers}{payload}",
            self.time.as_deref().unwrap_or("-"),
            paint.paint(Colour::Dim, &format!("{position:<16}")),
            paint.paint(Colour::Cyan, &format!("{event:<names$}")),
        )
    }
}
