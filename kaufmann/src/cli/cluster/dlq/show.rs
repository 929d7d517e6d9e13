//! One dead letter in full.

use serde::Serialize;
use serde_json::Value;

use crate::base::error::Error;
use crate::cli::cluster::decoder::{Decoder, Payload};
use crate::cli::cluster::shown::{headers, printable};
use crate::publish::dead_letter::opened::{DeadLetter, FailureDetails};
use crate::record::Record;
use crate::record::names::{ERROR, HEADERS_CUT, HISTORY, PAYLOAD_CUT, SOURCE_PREFIX};

/// A dead letter.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) key: Option<String>,
    /// The failure, and the positions of the dead letter and of the record.
    pub(super) failure: FailureDetails,
    /// Earlier failures, oldest first.
    pub(super) history: Vec<FailureDetails>,
    /// The record's own headers.
    pub(super) headers: Value,
    pub(super) payload: Option<Value>,
    /// The raw payload, if it is not decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) raw: Option<String>,
    /// Why it is not decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl Shown {
    /// Decodes a dead letter's payload, if there is a decoder.
    pub(super) async fn new(
        record: &Record,
        opened: DeadLetter,
        decoder: Option<&mut Decoder>,
    ) -> Result<Self, Error> {
        let raw = record.payload().map(printable);
        let (payload, raw, note) = match (decoder, opened.payload_cut) {
            (_, Some(size)) => (
                None,
                None,
                Some(format!("cut off because it was too large; it had {size} bytes")),
            ),
            (None, None) => (None, raw, None),
            (Some(decoder), None) => match decoder.decode(record).await?.payload {
                Payload::Json(value) => (Some(value), None, None),
                Payload::Tombstone => (None, None, None),
                Payload::Unreadable(why) => (None, raw, Some(why)),
            },
        };
        let mut headers = headers(record);
        if let Some(headers) = headers.as_object_mut() {
            headers.retain(|name, _| {
                let ours = [ERROR, SOURCE_PREFIX, PAYLOAD_CUT, HEADERS_CUT];
                name != HISTORY && !ours.iter().any(|start| name.starts_with(start))
            });
        }
        Ok(Self {
            key: record.key().map(printable),
            failure: opened.failure,
            history: opened.history,
            headers,
            payload,
            raw,
            note,
        })
    }
}
