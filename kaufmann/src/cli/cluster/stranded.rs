//! Topics with records that the group was to handle and that nobody reads any more: retry topics of an earlier configuration, topics
//! that are no longer consumed, letters in an earlier dead-letter topic.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tracing::{debug, warn};

use super::dlq::ledger::Ledger;
use super::dlq::letters::Letters;
use crate::base::error::Error;
use crate::config::Config;
use crate::kafka::cluster::{Cluster, Topic, TopicPartition};

/// A topic with records that nobody reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Stranded {
    pub(in crate::cli::cluster) topic: String,
    pub(in crate::cli::cluster) kind: Kind,
    /// How many there are at most: transactions and compaction leave offsets without a record.
    pub(in crate::cli::cluster) records: u64,
    /// What to do about it.
    pub(in crate::cli::cluster) remedy: String,
}

/// What the records are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli::cluster) enum Kind {
    /// They wait to be tried again.
    Retry,
    /// They stand in a topic that the group consumed before.
    NotConsumed,
    /// They are dead letters.
    DeadLetters,
}

/// `topic `orders.retry.10m` has up to 3 records that nobody reads: …`
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
                "records that wait to be tried again, and nobody reads it: it is not among the retry topics any more"
            }
            Self::NotConsumed => {
                "records that the group has not handled, and nobody reads it: it is not among `topics` any more"
            }
            Self::DeadLetters => "open dead letters, but `dead_letter.topic` is another one",
        }
    }

    fn remedy(self, config: &Config, topic: &str) -> String {
        let broker = config.brokers.first().map_or("HOST:PORT", String::as_str);
        match self {
            Self::Retry => "`drain` shows where its records go, `drain --yes` moves them".to_owned(),
            Self::NotConsumed => format!(
                "consume it again; if it was a retry topic, `drain --topic {topic}` moves its records; if nobody wants them, \
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

/// Looks for them. Blocks.
///
/// # Errors
///
/// If the cluster cannot be asked.
pub(in crate::cli::cluster) fn find(config: &Config) -> Result<Vec<Stranded>, Error> {
    let config = config.without_transactions();
    let cluster = Cluster::new(&config)?;
    let topics = cluster.topics()?;
    let candidates = candidates(&config, topics.keys());
    let places: Vec<TopicPartition> = candidates
        .keys()
        .filter_map(|name| topics.get(name))
        .flat_map(|topic| topic.topic_partitions().collect::<Vec<_>>())
        .collect();
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let committed = cluster.committed_with_metadata(&places)?;
    let members = cluster.group()?.map(|group| group.members).unwrap_or_default();
    // While instances are replaced, those of the earlier configuration still read them.
    let read: BTreeSet<&str> = members
        .iter()
        .flat_map(|member| &member.partitions)
        .map(|place| place.topic.as_str())
        .collect();
    let mut found = Vec::new();
    for (name, kind) in candidates {
        let Some(topic) = topics.get(&name).filter(|_| !read.contains(name.as_str())) else {
            continue;
        };
        let records = match left(&config, topic, kind, &committed) {
            Ok(records) => records,
            // Such as without rights on the group that keeps what was moved.
            Err(error) => {
                debug!(topic = name, %error, "its records could not be looked at");
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

/// How many records of a topic are left, at most; 0 if there is none.
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
    // The marks of transactions take offsets too.
    let mut letters = Letters::open(config, &ledger)?;
    let first = letters.next(&mut ledger, || false)?;
    Ok(first.map_or(0, |_| letters.total()))
}

/// The same by the group's own offsets alone.
fn uncommitted(
    cluster: &Cluster,
    topic: &Topic,
    committed: &BTreeMap<TopicPartition, (i64, String)>,
) -> Result<u64, Error> {
    let mut records = 0;
    for place in topic.topic_partitions() {
        if let Some((offset, _)) = committed.get(&place) {
            let bounds = cluster.bounds(&place)?;
            records += u64::try_from(bounds.end - bounds.start.max(*offset)).unwrap_or(0);
        }
    }
    Ok(records)
}

/// What is left in a topic; `None` if the group has nothing to do with it.
fn ledger(
    config: &Config,
    topic: &Topic,
    kind: Kind,
    committed: &BTreeMap<TopicPartition, (i64, String)>,
) -> Result<Option<Ledger>, Error> {
    let name = &topic.name;
    let places: Vec<TopicPartition> = match kind {
        Kind::DeadLetters => {
            let mut config = config.clone();
            config.dead_letter.topic = Some(name.clone());
            return Ledger::open(&config).map(Some);
        }
        Kind::Retry => topic.topic_partitions().collect(),
        Kind::NotConsumed => topic
            .topic_partitions()
            .filter(|place| committed.contains_key(place))
            .collect(),
    };
    if places.is_empty() {
        return Ok(None);
    }
    let cluster = Cluster::with_group(config, &drained(name))?;
    Ledger::of(cluster, name, &places, committed).map(Some)
}

/// The group that keeps what was moved out of a topic.
pub(in crate::cli::cluster) fn drained(topic: &str) -> String {
    format!("{topic}.drained")
}

/// The topics that may hold such records. Which topics a pattern matches is the broker's to say, so with one in `topics` only names that
/// can be nothing else are. Pure.
fn candidates<'a>(config: &Config, topics: impl Iterator<Item = &'a String>) -> BTreeMap<String, Kind> {
    let consumed = config.subscription();
    let has_patterns = consumed.iter().any(|topic| topic.starts_with('^'));
    let mut default = config.clone();
    default.dead_letter.topic = None;
    let (letters, default) = (config.dead_letter_topic(), default.dead_letter_topic());
    let kind = |topic: &String| {
        if consumed.contains(topic) || *topic == letters {
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

/// How long records wait in a retry topic of the group's that has the name it has by default. Pure.
pub(in crate::cli::cluster) fn delay(config: &Config, topic: &str) -> Option<std::time::Duration> {
    let rest = topic
        .strip_prefix(config.group.as_str())?
        .strip_prefix(".retry.")?;
    humantime::parse_duration(rest).ok()
}

/// Looks for them beside the service that starts, and warns of each.
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
        Err(error) => debug!(%error, "could not look for records that nobody reads"),
    };
    let thread = std::thread::Builder::new()
        .name("kaufmann-stranded".into())
        .spawn(look);
    if let Err(error) = thread {
        debug!(%error, "no thread to look for records that nobody reads");
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
    fn what_the_group_had_and_does_not_read_any_more_is_looked_at() {
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
        config.dead_letter.topic = Some("letters".to_owned());
        let expected = [
            kind("g.dead-letter", Kind::DeadLetters),
            kind("g.retry.10m", Kind::Retry),
            kind("g.retry.1h30m", Kind::Retry),
            kind("g.retry.1m", Kind::Retry),
        ];
        assert_eq!(kinds(&config, &all), expected);
    }

    #[test]
    fn each_says_what_to_do() {
        let config = config();
        let remedy = |kind: Kind| kind.remedy(&config, "t");
        assert!(remedy(Kind::Retry).contains("`drain --yes`"));
        assert!(remedy(Kind::NotConsumed).contains("--delete-offsets --group g --topic t"));
        assert!(remedy(Kind::DeadLetters).contains("--dead-letter-topic t"));
    }
}
