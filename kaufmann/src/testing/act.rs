//! One round of a test: the given records, their results, and the text that a failing test prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::panic::Location;

use kaufmann_avro::Schema;
use kaufmann_avro::json::decode_json;

use crate::handler::record_event::{RecordEvent, RecordEventKind};
use crate::publish::Message;
use crate::record::names::{ERROR, TYPE};
use crate::record::wire::prefixed;
use crate::schema::registry::SchemaRegistry;

/// One round of a test: the given records and their results.
#[derive(Default)]
pub(super) struct Act {
    pub(super) given: Vec<Given>,
    /// The number of delivered records.
    pub(super) delivered: usize,
    /// What became of them, in the order in which it did.
    pub(super) record_events: Vec<RecordEvent>,
    /// The index of the round's first message among all published ones.
    pub(super) first_message: usize,
    /// The indices of the messages that the test has checked, counted from there.
    pub(super) looked_at: BTreeSet<usize>,
    /// The positions of the records whose failure the test expects.
    pub(super) expected_failures: BTreeSet<String>,
    /// Why the service has ended, if it has.
    pub(super) ended: Option<String>,
    /// Whether the test expects the service to end.
    pub(super) end_expected: bool,
}

/// A given record.
pub(super) struct Given {
    pub(super) message: Message,
    /// Its name in messages.
    pub(super) name: String,
    /// The line of the test that gives it.
    pub(super) at: &'static Location<'static>,
    /// `topic/partition@offset`, once it is delivered.
    pub(super) position: String,
}

impl Act {
    /// A round that begins after this many messages.
    pub(super) fn after(messages: usize) -> Self {
        Self {
            first_message: messages,
            ..Self::default()
        }
    }

    /// How a record was settled, if it was.
    pub(super) fn end_of(&self, given: &Given) -> Option<&RecordEventKind> {
        let mine = |record_event: &&RecordEvent| record_event.position == given.position;
        self.record_events
            .iter()
            .rev()
            .find(mine)
            .map(|record_event| &record_event.kind)
            .filter(|what| !matches!(what, RecordEventKind::Retrying { .. }))
    }

    /// The first failure that the test does not expect.
    pub(super) fn unexpected(&self) -> Option<String> {
        if let Some(why) = self.ended.as_ref().filter(|_| !self.end_expected) {
            return Some(format!("the service has stopped: {why}"));
        }
        let failed = self.given.iter().find(|given| {
            matches!(self.end_of(given), Some(RecordEventKind::DeadLettered { .. }))
                && !self.expected_failures.contains(&given.position)
        })?;
        Some(format!(
            "`{}`, given at {}, could not be handled, and the test does not expect that; expect it with \
             `then_dead_letter` or `then_error`",
            failed.name, failed.at
        ))
    }

    /// The round as a text of a few lines.
    pub(super) async fn story(&self, published: &[Message], registry: &dyn SchemaRegistry) -> String {
        let mut story = String::from("what happened:\n");
        for (index, given) in self.given.iter().enumerate() {
            let payload = json(&given.message, registry).await;
            _ = writeln!(
                story,
                "  given      {}{}: {payload}  ({})",
                given.name,
                key(&given.message),
                given.at
            );
            if index >= self.delivered {
                story.push_str("             was never delivered\n");
            }
            let mine = |record_event: &&RecordEvent| {
                !given.position.is_empty() && record_event.position == given.position
            };
            for record_event in self.record_events.iter().filter(mine) {
                _ = writeln!(story, "             {}", described(&record_event.kind));
            }
        }
        for message in published {
            let header = |name| message.headers.get(name).map(String::from_utf8_lossy);
            let payload = json(message, registry).await;
            let (what, error) = match header(ERROR) {
                Some(error) => ("dead letter".into(), format!(", error: {error}")),
                None => (header(TYPE).unwrap_or_default(), String::new()),
            };
            _ = writeln!(
                story,
                "  published  {what} to `{}`{}: {payload}{error}",
                message.topic,
                key(message)
            );
        }
        if published.is_empty() {
            story.push_str("  published  nothing\n");
        }
        if let Some(why) = &self.ended {
            _ = writeln!(story, "  the service has stopped: {why}");
        }
        story
    }

    /// By topic: the offset of the round's first record.
    pub(super) fn begins(&self) -> BTreeMap<String, i64> {
        let mut begins = BTreeMap::new();
        for given in &self.given[..self.delivered] {
            if let Some((topic, offset)) = topic_and_offset(&given.position) {
                let first = begins.entry(topic.to_owned()).or_insert(offset);
                *first = (*first).min(offset);
            }
        }
        begins
    }
}

/// The parts of `topic/partition@offset`.
fn topic_and_offset(position: &str) -> Option<(&str, i64)> {
    let (partition, offset) = position.rsplit_once('@')?;
    let (topic, _) = partition.rsplit_once('/')?;
    Some((topic, offset.parse().ok()?))
}

fn described(what: &RecordEventKind) -> String {
    match what {
        RecordEventKind::Handled { published } if published.is_empty() => "was handled".to_owned(),
        RecordEventKind::Handled { published } => format!("was handled, returned {}", published.join(", ")),
        RecordEventKind::Unwanted => "the service has no handler for it".to_owned(),
        RecordEventKind::DeadLettered { reason } => format!("could not be handled: {reason}"),
        RecordEventKind::Skipped { reason } => format!("was skipped: {reason}"),
        RecordEventKind::Postponed { delay, reason } => {
            format!("was moved to a retry topic for {delay:?}: {reason}")
        }
        RecordEventKind::Retrying {
            attempt,
            delay,
            error,
        } => format!("attempt {attempt} failed: {error}; retried after {delay:?}"),
    }
}

fn key(message: &Message) -> String {
    match &message.key {
        Some(key) => format!(", key `{}`", String::from_utf8_lossy(key)),
        None => String::new(),
    }
}

/// A payload as JSON, or as raw bytes if its schema cannot read it.
pub(super) async fn json(message: &Message, registry: &dyn SchemaRegistry) -> String {
    let Some(payload) = &message.payload else {
        return "no payload".to_owned();
    };
    let read = async {
        let (id, datum) = prefixed(payload)?;
        let schema = Schema::parse(&registry.schema(id).await.ok()?).ok()?;
        Some(decode_json(&schema.model, &schema.root, datum).ok()?.to_string())
    };
    match read.await {
        Some(json) => json,
        None => format!("{} bytes \"{}\"", payload.len(), payload.escape_ascii()),
    }
}
