//! What was given since the last look, what became of it, and how that reads when a test fails.

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

/// One round: records that are given, and what becomes of them.
#[derive(Default)]
pub(super) struct Act {
    pub(super) given: Vec<Given>,
    /// How many of them were delivered.
    pub(super) delivered: usize,
    /// What became of them, in the order in which it did.
    pub(super) record_events: Vec<RecordEvent>,
    /// Where the act's messages begin among all that were published.
    pub(super) first_message: usize,
    /// The messages that the test has looked at, counted from there.
    pub(super) looked_at: BTreeSet<usize>,
    /// The places of the dead letters that the test expects.
    pub(super) expected_letters: BTreeSet<String>,
    /// Why the service ended, if it did.
    pub(super) ended: Option<String>,
    /// Whether the test expects that.
    pub(super) end_expected: bool,
}

/// A record that is given.
pub(super) struct Given {
    pub(super) message: Message,
    /// What the test calls it.
    pub(super) name: String,
    /// Where the test gives it.
    pub(super) at: &'static Location<'static>,
    /// `topic/partition@offset`, once it was delivered.
    pub(super) place: String,
}

impl Act {
    /// An act whose messages begin behind these.
    pub(super) fn after(messages: usize) -> Self {
        Self {
            first_message: messages,
            ..Self::default()
        }
    }

    /// The last thing that became of a record.
    pub(super) fn end_of(&self, given: &Given) -> Option<&RecordEventKind> {
        let mine = |record_event: &&RecordEvent| record_event.place == given.place;
        self.record_events
            .iter()
            .rev()
            .find(mine)
            .map(|record_event| &record_event.kind)
            .filter(|what| !matches!(what, RecordEventKind::Retrying { .. }))
    }

    /// What went wrong and no test has looked at.
    pub(super) fn unexpected(&self) -> Option<String> {
        if let Some(why) = self.ended.as_ref().filter(|_| !self.end_expected) {
            return Some(format!("the service has stopped: {why}"));
        }
        let letter = self.given.iter().find(|given| {
            matches!(self.end_of(given), Some(RecordEventKind::DeadLettered { .. }))
                && !self.expected_letters.contains(&given.place)
        })?;
        Some(format!(
            "`{}`, given at {}, could not be handled, and nothing in the test expects that; look at it with \
             `then_dead_letter` or `then_error`",
            letter.name, letter.at
        ))
    }

    /// The act as a text of a few lines.
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
            let mine =
                |record_event: &&RecordEvent| !given.place.is_empty() && record_event.place == given.place;
            for record_event in self.record_events.iter().filter(mine) {
                _ = writeln!(story, "             {}", said(&record_event.kind));
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

    /// Where each topic's first record of this act stands, of the topics in use.
    pub(super) fn begins(&self) -> BTreeMap<String, i64> {
        let mut begins = BTreeMap::new();
        for given in &self.given[..self.delivered] {
            if let Some((topic, offset)) = topic_and_offset(&given.place) {
                let first = begins.entry(topic.to_owned()).or_insert(offset);
                *first = (*first).min(offset);
            }
        }
        begins
    }
}

/// The parts of `topic/partition@offset`.
fn topic_and_offset(place: &str) -> Option<(&str, i64)> {
    let (partition, offset) = place.rsplit_once('@')?;
    let (topic, _) = partition.rsplit_once('/')?;
    Some((topic, offset.parse().ok()?))
}

fn said(what: &RecordEventKind) -> String {
    match what {
        RecordEventKind::Handled { published } if published.is_empty() => "was handled".to_owned(),
        RecordEventKind::Handled { published } => format!("was handled, returned {}", published.join(", ")),
        RecordEventKind::Unwanted => "no handler of the service takes it".to_owned(),
        RecordEventKind::DeadLettered { reason } => format!("could not be handled: {reason}"),
        RecordEventKind::Skipped { reason } => format!("was skipped: {reason}"),
        RecordEventKind::Postponed { delay, reason } => format!("was put off for {delay:?}: {reason}"),
        RecordEventKind::Retrying {
            attempt,
            delay,
            error,
        } => format!("attempt {attempt} failed: {error}; tried again after {delay:?}"),
    }
}

fn key(message: &Message) -> String {
    match &message.key {
        Some(key) => format!(", key `{}`", String::from_utf8_lossy(key)),
        None => String::new(),
    }
}

/// A payload as JSON; what cannot be read as its schema says is shown as it is.
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
