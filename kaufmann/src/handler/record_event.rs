//! What the runtime reports of each record, for `dev` and the test kit.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::bounded_text::bounded_to;
use crate::handler::observer::{Observer, Settled};
use crate::record::Record;
use crate::record::names;

/// One step of a record: that it was retried, or how it was settled.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RecordEvent {
    /// The event's name, if known.
    pub(crate) event: Option<String>,
    /// `topic/partition@offset`.
    pub(crate) position: String,
    pub(crate) key: Option<String>,
    /// `ce_id` and `ce_causationid`.
    pub(crate) id: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) kind: RecordEventKind,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RecordEventKind {
    Handled {
        published: Vec<&'static str>,
    },
    Unwanted,
    DeadLettered {
        reason: String,
    },
    Skipped {
        reason: String,
    },
    Postponed {
        delay: Duration,
        reason: String,
    },
    Retrying {
        attempt: u32,
        delay: Duration,
        error: String,
    },
}

/// An observer that sends record events through a channel, without waiting.
pub(crate) struct Reporter(mpsc::UnboundedSender<RecordEvent>);

impl Reporter {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<RecordEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    fn send(&self, record: &Record, event: Option<&str>, kind: RecordEventKind) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let named = event
            .map(str::to_owned)
            .or_else(|| record.header(names::TYPE).map(|name| bounded_to(text(name), 200)));
        // The receiver is dropped when the service ends.
        _ = self.0.send(RecordEvent {
            event: named,
            position: format!("{}/{}@{}", record.topic(), record.partition(), record.offset()),
            key: record.key().map(text),
            id: record.header(names::ID).map(text),
            cause: record.header(names::CAUSATION).map(text),
            kind,
        });
    }
}

impl Observer for Reporter {
    fn settled(&self, record: &Record, event: Option<&str>, how: Settled<'_>) {
        let kind = match how {
            Settled::Handled { published } => RecordEventKind::Handled {
                published: published.to_vec(),
            },
            Settled::Unwanted => RecordEventKind::Unwanted,
            Settled::DeadLettered { reason } => RecordEventKind::DeadLettered {
                reason: reason.to_owned(),
            },
            Settled::Postponed { delay, reason } => RecordEventKind::Postponed {
                delay,
                reason: reason.to_owned(),
            },
            Settled::Skipped { reason } => RecordEventKind::Skipped {
                reason: reason.to_owned(),
            },
        };
        self.send(record, event, kind);
    }

    fn retrying(&self, record: &Record, event: Option<&str>, attempt: u32, delay: Duration, error: &str) {
        self.send(
            record,
            event,
            RecordEventKind::Retrying {
                attempt,
                delay,
                error: error.to_owned(),
            },
        );
    }
}
