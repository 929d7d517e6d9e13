//! Compares the declared topics with the cluster's. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::config::declared::Declared;
use crate::kafka::admin::Actual;

/// A topic and its changes.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct TopicPlan {
    pub(super) topic: String,
    /// What the service uses it for; empty if it is only declared.
    pub(super) purpose: Vec<String>,
    pub(super) state: State,
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}

/// The state of a topic: what to do, or after `apply` what was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is as declared.
    Same,
    /// It must be created.
    Create,
    /// It must be altered.
    Alter,
    /// The service needs it, but it neither exists nor is declared.
    Missing,
    /// It was created.
    Created,
    /// It was altered, in all allowed settings.
    Altered,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Change {
    /// `partitions`, `replication`, or the name of one of Kafka's settings.
    pub(super) setting: String,
    /// The cluster's value; `None` if the topic must be created.
    pub(super) from: Option<String>,
    /// The declared value.
    pub(super) to: String,
    pub(super) kind: ChangeKind,
    /// Its consequence, or why it cannot be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// The kind of a change, or after `apply` its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChangeKind {
    /// It deletes nothing.
    Safe,
    /// It may delete records; it needs `--allow-loss`.
    Loss,
    /// Kafka, or this program, cannot make it.
    Impossible,
    /// It was made.
    Done,
    /// The broker refused it.
    Failed,
}

/// Compares the declared and the used topics with the existing ones.
pub(super) fn plan(
    declared: &BTreeMap<String, Declared>,
    used: &BTreeMap<String, Vec<String>>,
    actual: &BTreeMap<String, Actual>,
) -> Vec<TopicPlan> {
    let mut names: Vec<&String> = declared.keys().chain(used.keys()).collect();
    names.sort();
    names.dedup();
    let plan = |name: &String| {
        let mut plan = match (declared.get(name), actual.get(name)) {
            (Some(declared), None) => created(declared),
            (Some(declared), Some(actual)) => compared(declared, actual),
            (None, Some(_)) => (
                State::Same,
                Vec::new(),
                vec!["not declared, left unchanged".to_owned()],
            ),
            (None, None) => (
                State::Missing,
                Vec::new(),
                vec![format!(
                    "it neither exists nor is declared; add [declare.\"{name}\"], or ask its owner to create it"
                )],
            ),
        };
        TopicPlan {
            topic: name.clone(),
            purpose: used.get(name).cloned().unwrap_or_default(),
            state: plan.0,
            changes: std::mem::take(&mut plan.1),
            notes: plan.2,
        }
    };
    names.into_iter().map(plan).collect()
}

fn created(declared: &Declared) -> (State, Vec<Change>, Vec<String>) {
    let or_default = |count: Option<i32>| {
        count.map_or_else(|| "the cluster's default".to_owned(), |count| count.to_string())
    };
    let mut changes = vec![
        new("partitions", or_default(declared.partitions)),
        new("replication", or_default(declared.replication)),
    ];
    changes.extend(
        declared
            .settings
            .iter()
            .map(|(name, value)| new(name, shown(name, value))),
    );
    (State::Create, changes, Vec::new())
}

fn new(setting: &str, to: String) -> Change {
    Change {
        setting: setting.to_owned(),
        from: None,
        to,
        kind: ChangeKind::Safe,
        note: None,
    }
}

fn compared(declared: &Declared, actual: &Actual) -> (State, Vec<Change>, Vec<String>) {
    let mut changes = Vec::new();
    let differs = |wanted: Option<i32>, has: i32| wanted.filter(|wanted| *wanted != has);
    if let Some(wanted) = differs(declared.partitions, actual.partitions) {
        changes.push(partitions(actual.partitions, wanted));
    }
    if let Some(wanted) = differs(declared.replication, actual.replication) {
        changes.push(Change {
            setting: "replication".to_owned(),
            from: Some(actual.replication.to_string()),
            to: wanted.to_string(),
            kind: ChangeKind::Impossible,
            note: Some(
                "only kafka-reassign-partitions.sh, or the cluster's operator, can move replicas".to_owned(),
            ),
        });
    }
    for (name, wanted) in &declared.settings {
        let has = actual.settings.get(name);
        if has.is_some_and(|has| is_equal(name, &has.value, wanted)) {
            continue;
        }
        changes.push(setting(name, has.map(|has| has.value.as_str()), wanted));
    }
    let others = actual
        .settings
        .iter()
        .filter(|(name, setting)| setting.own && !declared.settings.contains_key(*name));
    let notes = others.map(|(name, setting)| {
        format!(
            "{name} = {} is set in the cluster but not declared; left unchanged",
            shown(name, &setting.value)
        )
    });
    let notes = notes.collect();
    (
        if changes.is_empty() {
            State::Same
        } else {
            State::Alter
        },
        changes,
        notes,
    )
}

fn partitions(from: i32, to: i32) -> Change {
    let (kind, note) = if to > from {
        (
            ChangeKind::Safe,
            "keys move to other partitions, so their order across the change is lost",
        )
    } else {
        (
            ChangeKind::Impossible,
            "Kafka cannot remove partitions; declare as many, or create another topic and move to it",
        )
    };
    Change {
        setting: "partitions".to_owned(),
        from: Some(from.to_string()),
        to: to.to_string(),
        kind,
        note: Some(note.to_owned()),
    }
}

fn setting(name: &str, from: Option<&str>, to: &str) -> Change {
    let note = loses(name, from, to);
    Change {
        setting: name.to_owned(),
        from: Some(from.map_or_else(|| "unknown".to_owned(), |from| shown(name, from))),
        to: shown(name, to),
        kind: if note.is_some() {
            ChangeKind::Loss
        } else {
            ChangeKind::Safe
        },
        note: note.map(str::to_owned),
    }
}

/// What changing a setting may delete.
fn loses(name: &str, from: Option<&str>, to: &str) -> Option<&'static str> {
    let limit = |value: &str| {
        value
            .parse::<i64>()
            .ok()
            .map(|number| if number < 0 { i64::MAX } else { number })
    };
    match name {
        "retention.ms"
        | "retention.bytes"
        | "local.retention.ms"
        | "local.retention.bytes"
        | "delete.retention.ms" => {
            let is_longer = limit(to)
                .zip(limit(from.unwrap_or("-1")))
                .is_some_and(|(to, from)| to >= from);
            (!is_longer).then_some("deletes records beyond it")
        }
        "cleanup.policy" => {
            let has = |policy: &str, text: &str| text.split(',').any(|part| part.trim() == policy);
            let begins = |policy: &str| has(policy, to) && !has(policy, from.unwrap_or(""));
            match (begins("delete"), begins("compact")) {
                (_, true) => Some("deletes all but the last record of each key"),
                (true, _) => Some("deletes records beyond the retention"),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether two values of a setting are equivalent.
fn is_equal(name: &str, has: &str, wanted: &str) -> bool {
    let policies = |text: &str| {
        let mut policies: Vec<String> = text.split(',').map(|part| part.trim().to_owned()).collect();
        policies.sort();
        policies
    };
    has == wanted
        || (name == "cleanup.policy" && policies(has) == policies(wanted))
        || has
            .parse::<f64>()
            .is_ok_and(|has| wanted.parse::<f64>() == Ok(has))
}

/// A value, with its meaning in words: `604800000 (7days)`.
fn shown(name: &str, value: &str) -> String {
    let millis = value.parse::<i64>().ok().filter(|_| name.ends_with(".ms"));
    match millis {
        Some(-1) => "-1 (forever)".to_owned(),
        Some(millis @ 1000..) if millis < i64::MAX / 2 => {
            let words = humantime::format_duration(Duration::from_millis(millis.unsigned_abs()));
            format!("{value} ({words})")
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kafka::admin::Setting;

    pub(super) fn actual(partitions: i32, settings: &[(&str, &str)]) -> Actual {
        let setting = |(name, value): &(&str, &str)| {
            let value = (*value).to_owned();
            ((*name).to_owned(), Setting { value, own: true })
        };
        Actual {
            partitions,
            replication: 1,
            settings: settings.iter().map(setting).collect(),
        }
    }

    fn kind(name: &str, from: &str, to: &str) -> ChangeKind {
        setting(name, Some(from), to).kind
    }

    #[test]
    fn changes_that_may_delete_records_are_recognised() {
        use ChangeKind::{Loss, Safe};
        assert_eq!(kind("retention.ms", "1000", "2000"), Safe);
        assert_eq!(kind("retention.ms", "2000", "1000"), Loss);
        assert_eq!(kind("retention.ms", "-1", "1000"), Loss);
        assert_eq!(kind("retention.bytes", "1000", "-1"), Safe);
        assert_eq!(kind("cleanup.policy", "delete", "compact"), Loss);
        assert_eq!(kind("cleanup.policy", "compact", "compact,delete"), Loss);
        assert_eq!(kind("cleanup.policy", "compact,delete", "delete"), Safe);
        assert_eq!(kind("min.insync.replicas", "1", "2"), Safe);
    }

    #[test]
    fn partitions_only_grow() {
        assert_eq!(partitions(2, 3).kind, ChangeKind::Safe);
        assert_eq!(partitions(3, 2).kind, ChangeKind::Impossible);
    }

    proptest! {
        #[test]
        fn a_topic_as_declared_needs_no_change(count in 1i32..100, retention in -1i64..1_000_000) {
            let retention = retention.to_string();
            let declared = Declared {
                partitions: Some(count),
                replication: Some(1),
                settings: BTreeMap::from([
                    ("retention.ms".to_owned(), retention.clone()),
                    ("cleanup.policy".to_owned(), "compact,delete".to_owned()),
                ]),
            };
            let actual = actual(count, &[("retention.ms", &retention), ("cleanup.policy", "delete, compact")]);
            let (state, changes, notes) = compared(&declared, &actual);
            prop_assert_eq!((state, changes, notes), (State::Same, vec![], vec![]));
        }
    }
}
