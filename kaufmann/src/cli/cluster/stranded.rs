//! Stranded topics, with records of the group that no service reads any more: retry topics of an earlier configuration, topics
//! that are no longer consumed, an earlier dead-letter topic.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tracing::{debug, warn};

use super::dlq::dead_letters::DeadLetters;
use super::dlq::ledger::Ledger;
use crate::base::error::Error;
use crate::config::Config;
use crate::kafka::cluster::{Cluster, Topic, TopicPartition};

/// A topic with records that no service reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Stranded {
    pub(in crate::cli::cluster) topic: String,
    pub(in crate::cli::cluster) kind: Kind,
    /// An upper bound of their number: transactions and compaction leave offsets without a record.
    pub(in crate::cli::cluster) records: u64,
    /// How to fix it.
    pub(in crate::cli::cluster) remedy: String,
}

/// The kind of the records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli::cluster) enum Kind {
    /// They wait for a retry.
    Retry,
    /// They are in a topic that the group consumed before.
    NotConsumed,
    /// They are dead letters.
    DeadLetters,
}

/// `topic orders.retry.10m has up to 3 records …`
impl std::fmt::Display for Stranded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { topic, records, .. } = self;
        write!(f, "topic `{topic}` has up to {records} {}", self.kind.found())
    }
}

impl Kind {
    fn found(self) -> &'static str {
        match self {
            Self::Retry => {
                "records that wait for a retry, but no service reads it: it is no longer one of the retry topics"
            }
            Self::NotConsumed => {
                "records that the group has not handled, but no service reads it: it is no longer in `topics`"
            }
            Self::DeadLetters => "open dead letters, but `dead_letter.topic` is a different topic",
        }
    }

    fn remedy(self, config: &Config, topic: &str) -> String {
        let broker = config.brokers.first().map_or("HOST:PORT", String::as_str);
        match self {
            Self::Retry => "`drain` shows where its records would go, `drain --yes` moves them".to_owned(),
            Self::NotConsumed => format!(
                "consume it again; if it was a retry topic, `drain --topic {topic}` moves its records; if they are not needed, \
                 kafka-consumer-groups.sh --bootstrap-server {broker} --delete-offsets --group {} --topic {topic}",
                config.group
            ),
            Self::DeadLetters => {
                format!(
                    "`dlq list --dead-letter-topic {topic}` lists them; `replay` and `discard` take the flag too"
                )
            }
        }
    }
}

/// Finds stranded topics. Blocks.
///
/// # Errors
///
/// If the cluster is unavailable.
pub(in crate::cli::cluster) fn find(config: &Config) -> Result<Vec<Stranded>, Error> {
    let config = config.without_transactions();
    let cluster = Cluster::new(&config)?;
    let topics = cluster.topics()?;
    let candidates = candidates(&config, topics.keys());
    let topic_partitions: Vec<TopicPartition> = candidates
        .keys()
        .filter_map(|name| topics.get(name))
        .flat_map(|topic| topic.topic_partitions().collect::<Vec<_>>())
        .collect();
    if topic_partitions.is_empty() {
        return Ok(Vec::new());
    }
    let committed = cluster.committed_with_metadata(&topic_partitions)?;
    let members = cluster.group()?.map(|group| group.members).unwrap_or_default();
    // During a rolling update, instances with the earlier configuration still read them.
    let read: BTreeSet<&str> = members
        .iter()
        .flat_map(|member| &member.partitions)
        .map(|topic_partition| topic_partition.topic.as_str())
        .collect();
    let mut found = Vec::new();
    for (name, kind) in candidates {
        let Some(topic) = topics.get(&name).filter(|_| !read.contains(name.as_str())) else {
            continue;
        };
        let records = match left(&config, topic, kind, &committed) {
            Ok(records) => records,
            // For instance, without rights on the group that stores what was moved.
            Err(error) => {
                debug!(topic = name, %error, "cannot tell which of its records were moved");
                uncommitted(&cluster, topic, &committed)?
            }
        };
        if records > 0 {
            found.push(Stranded {
                remedy: kind.remedy(&config, &name),
                topic: name,
                kind,
                records,
            });
        }
    }
    Ok(found)
}

/// An upper bound of the records that are left in a topic; 0 if there is none.
fn left(
    config: &Config,
    topic: &Topic,
    kind: Kind,
    committed: &BTreeMap<TopicPartition, (i64, String)>,
) -> Result<u64, Error> {
    let Some(mut ledger) = ledger(config, topic, kind, committed)? else {
        return Ok(0);
    };
    if ledger.open_bounds().is_empty() {
        return Ok(0);
    }
    // Transaction markers take offsets too, so the range may have no record.
    let mut dead_letters = DeadLetters::open(config, &ledger)?;
    let first = dead_letters.next(&mut ledger, || false)?;
    Ok(first.map_or(0, |_| dead_letters.total()))
}

/// The same, from the group's own offsets alone.
fn uncommitted(
    cluster: &Cluster,
    topic: &Topic,
    committed: &BTreeMap<TopicPartition, (i64, String)>,
) -> Result<u64, Error> {
    let mut records = 0;
    for topic_partition in topic.topic_partitions() {
        if let Some((offset, _)) = committed.get(&topic_partition) {
            let bounds = cluster.bounds(&topic_partition)?;
            records += u64::try_from(bounds.end - bounds.start.max(*offset)).unwrap_or(0);
        }
    }
    Ok(records)
}

/// The ledger of what is left in a topic; `None` if the group never read it.
fn ledger(
    config: &Config,
    topic: &Topic,
    kind: Kind,
    committed: &BTreeMap<TopicPartition, (i64, String)>,
) -> Result<Option<Ledger>, Error> {
    let name = &topic.name;
    let topic_partitions: Vec<TopicPartition> = match kind {
        Kind::DeadLetters => {
            let mut config = config.clone();
            config.dead_letter.topic = Some(name.clone());
            return Ledger::open(&config).map(Some);
        }
        Kind::Retry => topic.topic_partitions().collect(),
        Kind::NotConsumed => topic
            .topic_partitions()
            .filter(|topic_partition| committed.contains_key(topic_partition))
            .collect(),
    };
    if topic_partitions.is_empty() {
        return Ok(None);
    }
    let cluster = Cluster::with_group(config, &drained(name))?;
    Ledger::of(cluster, name, &topic_partitions, committed).map(Some)
}

/// The group that stores what was moved out of a topic.
pub(in crate::cli::cluster) fn drained(topic: &str) -> String {
    format!("{topic}.drained")
}

/// The topics that may have such records. Only the broker knows which topics a pattern matches, so with a pattern in `topics` only
/// unambiguous names are included. Pure.
fn candidates<'a>(config: &Config, topics: impl Iterator<Item = &'a String>) -> BTreeMap<String, Kind> {
    let consumed = config.subscription();
    let has_patterns = consumed.iter().any(|topic| topic.starts_with('^'));
    let mut default = config.clone();
    default.dead_letter.topic = None;
    let (dead_letters, default) = (config.dead_letter_topic(), default.dead_letter_topic());
    let kind = |topic: &String| {
        if consumed.contains(topic) || *topic == dead_letters {
            None
        } else if *topic == default {
            Some(Kind::DeadLetters)
        } else if delay(config, topic).is_some() {
            Some(Kind::Retry)
        } else {
            (!has_patterns).then_some(Kind::NotConsumed)
        }
    };
    topics
        .filter_map(|topic| Some((topic.clone(), kind(topic)?)))
        .collect()
}

/// The delay of a retry topic of this group with a default name. Pure.
pub(in crate::cli::cluster) fn delay(config: &Config, topic: &str) -> Option<std::time::Duration> {
    let rest = topic
        .strip_prefix(config.group.as_str())?
        .strip_prefix(".retry.")?;
    humantime::parse_duration(rest).ok()
}

/// Finds stranded topics in the background while the service starts, and logs a warning for each.
pub(in crate::cli) fn warn_of(config: &Config) {
    let config = config.clone();
    let look = move || match find(&config) {
        Ok(found) => {
            for stranded in found {
                warn!(
                    topic = stranded.topic,
                    records = stranded.records,
                    "{stranded}; {}",
                    stranded.remedy
                );
            }
        }
        Err(error) => debug!(%error, "could not look for records that no service reads"),
    };
    let thread = std::thread::Builder::new()
        .name("kaufmann-stranded".into())
        .spawn(look);
    if let Err(error) = thread {
        debug!(%error, "could not start a thread to look for records that no service reads");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn kinds(config: &Config, topics: &[&str]) -> Vec<(String, Kind)> {
        let topics: Vec<_> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        candidates(config, topics.iter()).into_iter().collect()
    }

    fn config() -> Config {
        let mut config = Config::default();
        config.group.push('g');
        config.topics.push("orders".to_owned());
        config.retry.topics.delays = vec![Duration::from_secs(60)];
        config
    }

    #[test]
    fn topics_that_the_group_may_have_read_before_are_candidates() {
        let all = [
            "orders",
            "g.retry.1m",
            "g.retry.10m",
            "g.retry.1h30m",
            "g.retry.dead-letter",
            "g.dead-letter",
            "payments",
        ];
        let mut config = config();
        let kind = |topic: &str, kind| (topic.to_owned(), kind);
        let expected = [
            kind("g.retry.10m", Kind::Retry),
            kind("g.retry.1h30m", Kind::Retry),
            kind("g.retry.dead-letter", Kind::NotConsumed),
            kind("payments", Kind::NotConsumed),
        ];
        assert_eq!(kinds(&config, &all), expected);
        // A pattern may match anything else.
        config.topics.push("^pay.*".to_owned());
        assert_eq!(kinds(&config, &all), expected[..2]);
        config.retry.topics.delays.clear();
        config.dead_letter.topic = Some("failed".to_owned());
        let expected = [
            kind("g.dead-letter", Kind::DeadLetters),
            kind("g.retry.10m", Kind::Retry),
            kind("g.retry.1h30m", Kind::Retry),
            kind("g.retry.1m", Kind::Retry),
        ];
        assert_eq!(kinds(&config, &all), expected);
    }

    #[test]
    fn each_kind_has_a_remedy() {
        let config = config();
        let remedy = |kind: Kind| kind.remedy(&config, "t");
        assert!(remedy(Kind::Retry).contains("`drain --yes`"));
        assert!(remedy(Kind::NotConsumed).contains("--delete-offsets --group g --topic t"));
        assert!(remedy(Kind::DeadLetters).contains("--dead-letter-topic t"));
    }
}
