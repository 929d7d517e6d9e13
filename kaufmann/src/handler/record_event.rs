//! What the runtime tells, as it travels to whoever shows or checks it.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::base::bounded_text::brief_to;
use crate::handler::observer::{Observer, Settled};
use crate::record::Record;

/// Something that became of a record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Happening {
    /// The event's name, if it is known.
    pub(crate) event: Option<String>,
    /// `topic/partition@offset`.
    pub(crate) place: String,
    pub(crate) key: Option<String>,
    /// `ce_id` and `ce_causationid`.
    pub(crate) id: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) what: What,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum What {
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

/// Sends what happens to whoever listens, without waiting.
pub(crate) struct Reporter(mpsc::UnboundedSender<Happening>);

impl Reporter {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Happening>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    fn tell(&self, record: &Record, event: Option<&str>, what: What) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let named = event.map(str::to_owned).or_else(|| {
            record
                .header(crate::record::names::TYPE)
                .map(|name| brief_to(text(name), 200))
        });
        // Nobody listens any more when the service ends.
        _ = self.0.send(Happening {
            event: named,
            place: format!("{}/{}@{}", record.topic(), record.partition(), record.offset()),
            key: record.key().map(text),
            id: record.header("ce_id").map(text),
            cause: record.header("ce_causationid").map(text),
            what,
        });
    }
}

impl Observer for Reporter {
    fn settled(&self, record: &Record, event: Option<&str>, how: Settled<'_>) {
        let what = match how {
            Settled::Handled { published } => What::Handled {
                published: published.to_vec(),
            },
            Settled::Unwanted => What::Unwanted,
            Settled::DeadLettered { reason } => What::DeadLettered {
                reason: reason.to_owned(),
            },
            Settled::Postponed { delay, reason } => What::Postponed {
                delay,
                reason: reason.to_owned(),
            },
            Settled::Skipped { reason } => What::Skipped {
                reason: reason.to_owned(),
            },
        };
        self.tell(record, event, what);
    }

    fn retrying(&self, record: &Record, event: Option<&str>, attempt: u32, delay: Duration, error: &str) {
        self.tell(
            record,
            event,
            What::Retrying {
                attempt,
                delay,
                error: error.to_owned(),
            },
        );
    }
}
