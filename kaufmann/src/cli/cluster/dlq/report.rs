//! The open dead letters, grouped by failure. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alike::alike;
use crate::publish::dead_letter::opened::DeadLetter;

/// The open dead letters of a service.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) topic: String,
    pub(super) open: u64,
    /// The number of records in the topic that are not dead letters written by kaufmann.
    pub(super) foreign: u64,
    pub(super) groups: Vec<Group>,
}

/// Dead letters with the same handler and the same error, apart from varying parts of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Group {
    pub(super) handler: Option<String>,
    pub(super) event: Option<String>,
    pub(super) class: String,
    /// The error's first line, with `#` for varying parts.
    pub(super) error: String,
    #[serde(rename = "letters")]
    pub(super) dead_letters: u64,
    /// How many of them were sent back before and failed again.
    pub(super) again: u64,
    pub(super) oldest: Option<String>,
    pub(super) newest: Option<String>,
    /// The positions of the first and the last one: `0@17`.
    pub(super) first: String,
    pub(super) last: String,
}

/// Collects dead letters into groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<(Option<String>, Option<String>, String, String), Group>,
    open: u64,
    foreign: u64,
}

impl Groups {
    /// Counts a dead letter; `id` is `0@17`.
    pub(super) fn add(&mut self, id: &str, dead_letter: &DeadLetter) {
        self.open += 1;
        let failure = &dead_letter.failure;
        let error = alike(&failure.error);
        let key = (
            failure.handler.clone(),
            failure.event.clone(),
            failure.class.clone(),
            error.clone(),
        );
        let group = self.groups.entry(key).or_insert_with(|| Group {
            handler: failure.handler.clone(),
            event: failure.event.clone(),
            class: failure.class.clone(),
            error,
            dead_letters: 0,
            again: 0,
            oldest: None,
            newest: None,
            first: id.to_owned(),
            last: id.to_owned(),
        });
        group.dead_letters += 1;
        group.again += u64::from(!dead_letter.history.is_empty());
        id.clone_into(&mut group.last);
        if let Some(time) = &failure.time {
            // RFC 3339 in UTC sorts as text.
            if group.oldest.as_ref().is_none_or(|oldest| time < oldest) {
                group.oldest = Some(time.clone());
            }
            if group.newest.as_ref().is_none_or(|newest| time > newest) {
                group.newest = Some(time.clone());
            }
        }
    }

    /// Counts a record that is not a dead letter.
    pub(super) fn add_foreign(&mut self) {
        self.foreign += 1;
    }

    /// The groups, those with the most dead letters first.
    pub(super) fn report(self, service: &str, topic: &str) -> Report {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.dead_letters));
        Report {
            service: service.to_owned(),
            topic: topic.to_owned(),
            open: self.open,
            foreign: self.foreign,
            groups,
        }
    }
}
