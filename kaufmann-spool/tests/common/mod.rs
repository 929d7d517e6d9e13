//! What the tests of the spool share.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::sync::Arc;
use std::time::Duration;

use kaufmann_spool::files::model::Model;
use kaufmann_spool::{Entry, Options, Spool};

/// Longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Small segments, no bound but the disk's, and no waiting.
pub(crate) fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 1_024;
    options.max_bytes = 1 << 20;
    options.keep_free = 0;
    options.position_interval = Duration::from_millis(1);
    options.retry_interval = Duration::from_millis(1);
    options
}

pub(crate) fn open(model: &Model) -> Spool {
    open_with(model, options())
}

pub(crate) fn open_with(model: &Model, options: Options) -> Spool {
    Spool::open_on(Arc::new(model.clone()), options).expect("opens")
}

/// An entry with this content and key; an empty key is none.
pub(crate) fn keyed(key: &str, content: u64) -> Entry {
    Entry {
        topic: "orders".to_owned(),
        key: (!key.is_empty()).then(|| key.as_bytes().to_vec()),
        payload: Some(content.to_le_bytes().to_vec()),
        ..Entry::default()
    }
}

/// An entry without a key, of about a hundred bytes.
pub(crate) fn entry(content: u64) -> Entry {
    Entry {
        payload: Some(content.to_le_bytes().repeat(9)),
        ..keyed("", content)
    }
}

pub(crate) fn content(entry: &Entry) -> u64 {
    let payload = entry.payload.as_deref().unwrap_or_default();
    payload
        .first_chunk()
        .map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}

pub(crate) fn key(entry: &Entry) -> &[u8] {
    entry.key.as_deref().unwrap_or_default()
}
