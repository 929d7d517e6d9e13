//! Whether topics are as their use needs. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::report::{About, Check, about_one};
use crate::engine::commit::Ahead;
use crate::kafka::admin::Settings;
use crate::kafka::cluster::TopicPartition;
use crate::kafka::condition::PartitionCondition;

/// What a letter has besides its record: headers that say why, an error's text of up to 8 KiB among them.
const OF_LETTER: u64 = 16 << 10;

/// What the service does with a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Use {
    pub(super) consumed: bool,
    /// It is written, letters included.
    pub(super) written: bool,
    pub(super) letters: bool,
    /// For how long records wait in it to be tried again.
    pub(super) delay: Option<Duration>,
}

/// What is known of a topic that there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic<'a> {
    pub(super) name: &'a str,
    /// What for, in words.
    pub(super) purpose: &'a [String],
    pub(super) used: Use,
    pub(super) partitions: &'a [PartitionCondition],
    /// None if the broker does not tell.
    pub(super) settings: Option<&'a Settings>,
    /// How many brokers there are.
    pub(super) brokers: usize,
    /// In how many settings it differs from what is declared.
    pub(super) differences: usize,
    /// The largest record that a consumed topic takes.
    pub(super) largest_consumed: Option<u64>,
}

/// The topics of which a commit says that they are held: not read for now.
pub(super) fn held(committed: &BTreeMap<TopicPartition, (i64, String)>) -> Vec<Check> {
    let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (place, (offset, metadata)) in committed {
        if Ahead::is_marked_held(metadata) {
            let named = format!("{} at offset {offset}", place.partition);
            topics.entry(&place.topic).or_default().push(named);
        }
    }
    let check = |(topic, partitions): (&str, Vec<String>)| {
        about_one("topic", topic).unfit(
            format!(
                "is not read for now, because too many of its records could not be handled: partition {}",
                partitions.join(", ")
            ),
            "see the service's log and `dlq list` for what fails, and repair it; the topic is tried again by itself",
        )
    };
    topics.into_iter().map(check).collect()
}

/// Judges a topic; one line for each thing that does not fit, or one that all does.
pub(super) fn judge(topic: &Topic<'_>) -> Vec<Check> {
    let about = about_one("topic", topic.name);
    let mut checks = Vec::new();
    checks.extend(without_leader(&about, topic));
    if topic.used.written {
        checks.extend(replicas(&about, topic));
    }
    if topic.used.letters || topic.used.delay.is_some() {
        checks.extend(compacted(&about, topic));
    }
    if topic.used.letters {
        checks.extend(cut(&about, topic));
    }
    if let Some(delay) = topic.used.delay {
        checks.extend(too_short(&about, topic, delay));
    }
    if topic.differences > 0 {
        checks.push(about.warning(
            format!(
                "differs from what is declared in {}",
                counted(topic.differences, "setting")
            ),
            "`topics plan` shows it, `topics apply` makes it so",
        ));
    }
    if checks.is_empty() {
        let replicas = topic
            .partitions
            .iter()
            .map(|partition| partition.replicas)
            .min()
            .unwrap_or(0);
        let purpose = topic.purpose.join(", ");
        checks.push(about.fit(format!(
            "{}, {} ({purpose})",
            counted(topic.partitions.len(), "partition"),
            counted(replicas, "replica"),
        )));
    }
    checks
}

fn without_leader(about: &About, topic: &Topic<'_>) -> Option<Check> {
    let without: Vec<String> = topic
        .partitions
        .iter()
        .filter(|partition| !partition.has_leader)
        .map(|partition| partition.partition.to_string())
        .collect();
    (!without.is_empty()).then(|| {
        about.unfit(
            format!("no broker leads partition {}", without.join(", ")),
            "start the brokers that have its replicas",
        )
    })
}

/// `acks=all` waits for as many replicas as the topic demands.
fn replicas(about: &About, topic: &Topic<'_>) -> Option<Check> {
    let needed: usize = number(topic.settings?, "min.insync.replicas")?.try_into().ok()?;
    let fewest = topic
        .partitions
        .iter()
        .map(|partition| partition.replicas)
        .min()?;
    if needed > fewest {
        return Some(about.unfit(
            format!(
                "min.insync.replicas is {needed}, of {}: nothing can ever be written",
                counted(fewest, "replica")
            ),
            "lower min.insync.replicas, or add replicas",
        ));
    }
    let short = topic
        .partitions
        .iter()
        .find(|partition| partition.in_sync < needed);
    if let Some(short) = short {
        return Some(about.unfit(
            format!(
                "partition {} has {} in sync of {needed} that it needs: it cannot be written",
                short.partition,
                counted(short.in_sync, "replica")
            ),
            "start the missing brokers",
        ));
    }
    match (topic.brokers, fewest) {
        (2.., 1) => Some(about.warning(
            format!(
                "has one replica, on a cluster of {} brokers: what is written is lost with its broker",
                topic.brokers
            ),
            "give it more replicas; `[declare]` makes new topics so",
        )),
        (_, 2..) if needed == fewest => Some(about.warning(
            format!(
                "min.insync.replicas is {needed}, of {}: it cannot be written while any broker is away",
                counted(fewest, "replica")
            ),
            "lower min.insync.replicas by one, or add a replica",
        )),
        (_, 2..) if needed == 1 => Some(about.warning(
            "min.insync.replicas is 1: what is written may be on one broker only, and is lost with it",
            "set min.insync.replicas to 2",
        )),
        _ => None,
    }
}

/// What waits for somebody must not be replaced by what comes after it.
fn compacted(about: &About, topic: &Topic<'_>) -> Option<Check> {
    let policy = topic.settings?.get("cleanup.policy")?.value.as_str();
    let is_compacted = policy.split(',').any(|part| part.trim() == "compact");
    is_compacted.then(|| {
        about.unfit(
            format!(
                "cleanup.policy is {policy}: records of one key replace each other, and those without a key are refused"
            ),
            "set cleanup.policy to delete",
        )
    })
}

/// Letters are as large as what is consumed, and somewhat larger.
fn cut(about: &About, topic: &Topic<'_>) -> Option<Check> {
    let room = number(topic.settings?, "max.message.bytes")?;
    let largest = topic.largest_consumed?;
    (room < largest).then(|| {
        about.warning(
            format!("takes {room} bytes, a consumed topic {largest}: larger records lose their payload in a letter"),
            format!("set max.message.bytes to at least {}", largest.saturating_add(OF_LETTER)),
        )
    })
}

/// A record must be there when its time has come.
fn too_short(about: &About, topic: &Topic<'_>, delay: Duration) -> Option<Check> {
    let retention = Duration::from_millis(number(topic.settings?, "retention.ms")?);
    (retention <= delay).then(|| {
        about.unfit(
            format!(
                "keeps records for {}, which wait in it for {}: they may be gone before they are tried again",
                humantime::format_duration(retention),
                humantime::format_duration(delay)
            ),
            "raise retention.ms far beyond the delay",
        )
    })
}

/// A setting that is a number.
pub(super) fn number(settings: &Settings, name: &str) -> Option<u64> {
    settings.get(name)?.value.parse().ok()
}

/// `1 partition`, `2 partitions`
pub(super) fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}
