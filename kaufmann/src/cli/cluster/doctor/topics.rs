//! Checks that topics are suitable for their use. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::report::{About, Check, about_one};
use crate::engine::commit::Ahead;
use crate::kafka::admin::Settings;
use crate::kafka::cluster::TopicPartition;
use crate::kafka::condition::PartitionCondition;

/// The bytes that a dead letter has besides its record: headers with the reason, including up to 8 KiB of error text.
const OVERHEAD: u64 = 16 << 10;

/// How the service uses a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Use {
    pub(super) consumed: bool,
    /// It is written, including dead letters.
    pub(super) written: bool,
    pub(super) dead_letters: bool,
    /// The delay of its records, if it is a retry topic.
    pub(super) delay: Option<Duration>,
}

/// The state of an existing topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic<'a> {
    pub(super) name: &'a str,
    /// The purposes, as text.
    pub(super) purpose: &'a [String],
    pub(super) used: Use,
    pub(super) partitions: &'a [PartitionCondition],
    /// `None` if the principal may not see them.
    pub(super) settings: Option<&'a Settings>,
    /// The number of brokers.
    pub(super) brokers: usize,
    /// The number of settings in which it differs from its declaration.
    pub(super) differences: usize,
    /// The largest record that a consumed topic accepts.
    pub(super) largest_consumed: Option<u64>,
}

/// The topics that are held, according to the metadata of commits: not read for now.
pub(super) fn held(committed: &BTreeMap<TopicPartition, (i64, String)>) -> Vec<Check> {
    let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (topic_partition, (offset, metadata)) in committed {
        if Ahead::is_marked_held(metadata) {
            let named = format!("{} at offset {offset}", topic_partition.partition);
            topics.entry(&topic_partition.topic).or_default().push(named);
        }
    }
    let check = |(topic, partitions): (&str, Vec<String>)| {
        about_one("topic", topic).unfit(
            format!(
                "is held, because too many of its records could not be handled: partition {}",
                partitions.join(", ")
            ),
            "find the failures in the service's log and with `dlq list`, and fix them; the service retries the topic",
        )
    };
    topics.into_iter().map(check).collect()
}

/// Judges a topic: one check for each problem, or a single one if there is none.
pub(super) fn judge(topic: &Topic<'_>) -> Vec<Check> {
    let about = about_one("topic", topic.name);
    let mut checks = Vec::new();
    checks.extend(without_leader(&about, topic));
    if topic.used.written {
        checks.extend(replicas(&about, topic));
    }
    if topic.used.dead_letters || topic.used.delay.is_some() {
        checks.extend(compacted(&about, topic));
    }
    if topic.used.dead_letters {
        checks.extend(cut(&about, topic));
    }
    if let Some(delay) = topic.used.delay {
        checks.extend(too_short(&about, topic, delay));
    }
    if topic.differences > 0 {
        checks.push(about.warning(
            format!(
                "differs from its declaration in {}",
                counted(topic.differences, "setting")
            ),
            "`topics plan` shows how, `topics apply` changes it",
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
            format!("no leader for partition {}", without.join(", ")),
            "start the brokers with its replicas",
        )
    })
}

/// `acks=all` waits for as many replicas as the topic requires.
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
                "min.insync.replicas is {needed}, but there are {}: nothing can be written",
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
                "partition {} has {} in sync, but needs {needed}: it cannot be written",
                short.partition,
                counted(short.in_sync, "replica")
            ),
            "start the missing brokers",
        ));
    }
    match (topic.brokers, fewest) {
        (2.., 1) => Some(about.warning(
            format!(
                "has one replica, on a cluster of {} brokers: its records are lost with its broker",
                topic.brokers
            ),
            "give it more replicas; `[declare]` sets them for new topics",
        )),
        (_, 2..) if needed == fewest => Some(about.warning(
            format!(
                "min.insync.replicas is {needed}, of {}: it cannot be written while any of these brokers is down",
                counted(fewest, "replica")
            ),
            "lower min.insync.replicas by one, or add a replica",
        )),
        (_, 2..) if needed == 1 => Some(about.warning(
            "min.insync.replicas is 1: a record may be on one broker only, and is lost with it",
            "set min.insync.replicas to 2",
        )),
        _ => None,
    }
}

/// Records in a dead-letter or retry topic must not be replaced by later ones with the same key.
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

/// Dead letters are somewhat larger than the consumed records.
fn cut(about: &About, topic: &Topic<'_>) -> Option<Check> {
    let room = number(topic.settings?, "max.message.bytes")?;
    let largest = topic.largest_consumed?;
    (room < largest).then(|| {
        about.warning(
            format!("accepts {room} bytes, a consumed topic {largest}: larger records lose their payload in a dead letter"),
            format!("set max.message.bytes to at least {}", largest.saturating_add(OVERHEAD)),
        )
    })
}

/// A record must still exist when it is due.
fn too_short(about: &About, topic: &Topic<'_>, delay: Duration) -> Option<Check> {
    let retention = Duration::from_millis(number(topic.settings?, "retention.ms")?);
    (retention <= delay).then(|| {
        about.unfit(
            format!(
                "keeps records for {}, but they wait in it for {}: they may be deleted before they are retried",
                humantime::format_duration(retention),
                humantime::format_duration(delay)
            ),
            "raise retention.ms far beyond the delay",
        )
    })
}

/// The value of a numeric setting.
pub(super) fn number(settings: &Settings, name: &str) -> Option<u64> {
    settings.get(name)?.value.parse().ok()
}

/// `1 partition`, `2 partitions`
pub(super) fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}
