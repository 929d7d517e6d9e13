//! Counts the results of the samples and of the events that they caused, and knows when all are settled.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::handler::record_event::{RecordEvent, RecordEventKind};

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The events whose topics the service consumes: once published, the service receives them.
    returning: BTreeSet<&'static str>,
    /// The samples that are not settled yet, by their ids.
    pending: BTreeMap<String, Pending>,
    /// By a cause's id: how many of the events it caused are not received yet. Negative if they were received first.
    replies: HashMap<String, i64>,
    counts: BTreeMap<String, Counts>,
    complaints: Vec<String>,
}

#[derive(Debug)]
struct Pending {
    event: &'static str,
    last_error: Option<String>,
}

/// The counts of one event.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Counts {
    pub(super) published: u64,
    pub(super) handled: u64,
    pub(super) unwanted: u64,
    pub(super) skipped: u64,
    pub(super) retries: u64,
    pub(super) dead: u64,
}

impl Tally {
    pub(super) fn new(returning: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            returning: returning.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Notes a sample that is about to be published.
    pub(super) fn expect(&mut self, id: String, event: &'static str) {
        self.counts.entry(event.to_owned()).or_default().published += 1;
        self.pending.insert(
            id,
            Pending {
                event,
                last_error: None,
            },
        );
    }

    pub(super) fn note(&mut self, record_event: &RecordEvent) {
        let name = record_event
            .event
            .clone()
            .unwrap_or_else(|| "(unknown)".to_owned());
        let counts = self.counts.entry(name.clone()).or_default();
        match &record_event.kind {
            RecordEventKind::Handled { .. } => counts.handled += 1,
            RecordEventKind::Unwanted => counts.unwanted += 1,
            RecordEventKind::Skipped { .. } => counts.skipped += 1,
            RecordEventKind::DeadLettered { .. } => counts.dead += 1,
            RecordEventKind::Retrying { error, .. } | RecordEventKind::Postponed { reason: error, .. } => {
                counts.retries += 1;
                if let Some(sample) = record_event.id.as_ref().and_then(|id| self.pending.get_mut(id)) {
                    sample.last_error = Some(error.clone());
                }
                return;
            }
        }
        self.settle(record_event);
        match &record_event.kind {
            RecordEventKind::DeadLettered { reason } => {
                self.complaints.push(format!(
                    "{name} at {} became a dead letter: {reason}",
                    record_event.position
                ));
            }
            RecordEventKind::Handled { published } => {
                for event in published {
                    self.counts.entry((*event).to_owned()).or_default().published += 1;
                }
            }
            RecordEventKind::Unwanted
            | RecordEventKind::Skipped { .. }
            | RecordEventKind::Retrying { .. }
            | RecordEventKind::Postponed { .. } => {}
        }
    }

    fn settle(&mut self, record_event: &RecordEvent) {
        let sample = record_event.id.as_ref().and_then(|id| self.pending.remove(id));
        match sample {
            Some(sample) if record_event.kind == RecordEventKind::Unwanted => {
                self.complaints.push(format!(
                    "{} at {} has no handler",
                    sample.event, record_event.position
                ));
            }
            Some(_) => {}
            None => {
                if let Some(cause) = &record_event.cause {
                    *self.replies.entry(cause.clone()).or_default() -= 1;
                }
            }
        }
        if let (RecordEventKind::Handled { published }, Some(id)) = (&record_event.kind, &record_event.id) {
            let back = published
                .iter()
                .filter(|event| self.returning.contains(*event))
                .count();
            *self.replies.entry(id.clone()).or_default() += i64::try_from(back).unwrap_or(i64::MAX);
        }
    }

    /// Whether all samples are settled, and all events that they caused.
    pub(super) fn is_complete(&self) -> bool {
        self.pending.is_empty() && self.replies.values().all(|left| *left <= 0)
    }

    /// The counts of each event, by its name.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.counts.iter().map(|(name, counts)| (name.as_str(), *counts))
    }

    /// The failures, one line each.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.complaints.clone();
        complaints.extend(self.pending.values().map(|sample| match &sample.last_error {
            Some(error) => format!(
                "{} was not settled in time; its handler failed: {error}",
                sample.event
            ),
            None => format!("{} was not settled in time", sample.event),
        }));
        let replies: i64 = self.replies.values().filter(|left| **left > 0).sum();
        if replies > 0 {
            complaints.push(format!(
                "{replies} events that handlers published were not settled in time"
            ));
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_event(event: &str, id: &str, cause: Option<&str>, kind: RecordEventKind) -> RecordEvent {
        let (event, id) = (Some(event.to_owned()), Some(id.to_owned()));
        RecordEvent {
            event,
            position: "t/0@0".to_owned(),
            key: None,
            id,
            cause: cause.map(str::to_owned),
            kind,
        }
    }

    fn handled(event: &str, id: &str, cause: Option<&str>, published: &[&'static str]) -> RecordEvent {
        record_event(
            event,
            id,
            cause,
            RecordEventKind::Handled {
                published: published.to_vec(),
            },
        )
    }

    fn tally() -> Tally {
        let mut tally = Tally::new(["b", "c"]);
        tally.expect("1".to_owned(), "a");
        tally
    }

    #[test]
    fn it_is_complete_when_the_samples_and_their_replies_are_settled() {
        let mut tally = tally();
        assert!(!tally.is_complete());
        tally.note(&handled("a", "1", None, &["b", "elsewhere"]));
        assert!(!tally.is_complete());
        tally.note(&handled("b", "2", Some("1"), &[]));
        assert!(tally.is_complete());
        assert_eq!(tally.complaints(), [""; 0]);
    }

    #[test]
    fn an_event_settled_before_its_cause_does_not_end_it_too_early() {
        let mut tally = tally();
        tally.note(&handled("c", "3", Some("2"), &[]));
        tally.note(&handled("a", "1", None, &["b"]));
        assert!(!tally.is_complete());
        tally.note(&handled("b", "2", Some("1"), &["c"]));
        assert!(tally.is_complete());
    }

    #[test]
    fn events_of_others_are_counted_but_not_waited_for() {
        let mut tally = tally();
        tally.note(&handled("b", "9", None, &[]));
        assert!(!tally.is_complete());
        tally.note(&handled("a", "1", None, &[]));
        assert!(tally.is_complete());
        assert_eq!(tally.counts().map(|(_, counts)| counts.handled).sum::<u64>(), 2);
    }

    #[test]
    fn a_sample_that_only_fails_is_reported_with_its_error() {
        let mut tally = tally();
        let what = RecordEventKind::Retrying {
            attempt: 1,
            delay: std::time::Duration::ZERO,
            error: "no ledger".to_owned(),
        };
        tally.note(&record_event("a", "1", None, what));
        assert!(!tally.is_complete());
        assert_eq!(
            tally.complaints(),
            ["a was not settled in time; its handler failed: no ledger"]
        );
    }

    #[test]
    fn a_dead_letter_and_a_sample_without_a_handler_are_reported() {
        let mut tally = tally();
        tally.note(&record_event(
            "a",
            "1",
            None,
            RecordEventKind::DeadLettered {
                reason: "bad".to_owned(),
            },
        ));
        tally.expect("2".to_owned(), "b");
        tally.note(&record_event("b", "2", None, RecordEventKind::Unwanted));
        assert!(tally.is_complete());
        assert_eq!(
            tally.complaints(),
            [
                "a at t/0@0 became a dead letter: bad",
                "b at t/0@0 has no handler"
            ]
        );
    }
}
