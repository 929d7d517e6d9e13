//! The topics that a service declares: `[declare.NAME]`, and `[declare."*"]` for the settings of all of them.

use std::collections::BTreeMap;

use super::Config;
use super::kind::Kind;
use crate::config::topic::{TOPIC, is_topic};

/// The name of the table whose settings apply to each declared topic that does not set its own.
const ALL: &str = "*";

/// The settings besides Kafka's own.
const OURS: [&str; 4] = ["partitions", "replication", "retention", "cleanup"];

/// Kafka's settings of topics.
const SETTINGS: [&str; 31] = [
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
];

/// The declared state of a topic. Other settings stay unchanged, and get the cluster's defaults when the topic is created.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) partitions: Option<i32>,
    pub(crate) replication: Option<i32>,
    /// Kafka's settings by their names, with values in Kafka's form.
    pub(crate) settings: BTreeMap<String, String>,
}

/// A mistake in a declaration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    /// `declare.shop.partitions`
    pub(crate) key: String,
    pub(crate) what: String,
}

/// The declared topics, and the retry topics and the dead-letter topic, each with as many partitions as the largest consumed topic
/// that is declared, and the settings of `*`.
pub(crate) fn declared(config: &Config) -> Result<BTreeMap<String, Declared>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut read = BTreeMap::new();
    for (topic, properties) in &config.declare {
        if topic != ALL && !is_topic(topic) {
            mistakes.push(Mistake {
                key: format!("declare.{topic}"),
                what: format!("is not a topic's name, expected {TOPIC}, or `*` for all"),
            });
        }
        read.insert(topic.clone(), one(topic, properties, &mut mistakes));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let all = read.remove(ALL);
    if read.is_empty() && all.is_none() {
        return Ok(read);
    }
    let all = all.unwrap_or_default();
    let mut topics: BTreeMap<_, _> = read
        .into_iter()
        .map(|(topic, own)| (topic, own.or(&all)))
        .collect();
    let letters = config
        .on_failure
        .writes_dead_letters()
        .then(|| config.dead_letter_topic());
    let retries = config.retry_topics().into_iter().map(|(name, _)| name);
    for topic in retries.chain(letters) {
        let consumed = config
            .topics
            .iter()
            .filter_map(|topic| topics.get(topic)?.partitions);
        let follows = Declared {
            partitions: consumed.max().or(all.partitions),
            ..all.clone()
        };
        topics.entry(topic).or_insert(follows);
    }
    Ok(topics)
}

impl Declared {
    /// This declaration, with the other one's settings where this has none.
    fn or(mut self, other: &Self) -> Self {
        self.partitions = self.partitions.or(other.partitions);
        self.replication = self.replication.or(other.replication);
        for (name, value) in &other.settings {
            self.settings.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }
}

fn one(topic: &str, properties: &BTreeMap<String, String>, mistakes: &mut Vec<Mistake>) -> Declared {
    let mut declared = Declared::default();
    for (name, value) in properties {
        let value = value.trim();
        let result = match name.as_str() {
            "partitions" => count(value).map(|count| declared.partitions = Some(count)),
            "replication" => count(value).map(|count| declared.replication = Some(count)),
            "retention" => retention(value)
                .map(|millis| drop(declared.settings.insert("retention.ms".to_owned(), millis))),
            "cleanup" => cleanup(value)
                .map(|policy| drop(declared.settings.insert("cleanup.policy".to_owned(), policy))),
            name => setting(name, value).map(|(name, value)| drop(declared.settings.insert(name, value))),
        };
        if let Err(what) = result {
            mistakes.push(Mistake {
                key: format!("declare.{topic}.{name}"),
                what,
            });
        }
    }
    declared
}

fn count(value: &str) -> Result<i32, String> {
    let number = value.parse::<i32>().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| format!("is \"{value}\", expected a whole number from 1 to {}", i32::MAX))
}

fn retention(value: &str) -> Result<String, String> {
    if value == "forever" {
        return Ok("-1".to_owned());
    }
    match humantime::parse_duration(value) {
        Ok(duration) => Ok(duration.as_millis().to_string()),
        Err(_) => Err(format!(
            "is \"{value}\", expected a duration such as \"7d\", or \"forever\""
        )),
    }
}

fn cleanup(value: &str) -> Result<String, String> {
    let mut policies: Vec<_> = value.split(',').map(str::trim).collect();
    policies.sort_unstable();
    match policies.as_slice() {
        ["delete"] | ["compact"] | ["compact", "delete"] => Ok(policies.join(",")),
        _ => Err(format!(
            "is \"{value}\", expected \"delete\", \"compact\" or \"compact,delete\""
        )),
    }
}

/// Reads one of Kafka's settings, with `_` or `.` in its name; sizes may have a unit.
fn setting(name: &str, value: &str) -> Result<(String, String), String> {
    let dotted = name.replace('_', ".");
    if !SETTINGS.contains(&dotted.as_str()) {
        let known = SETTINGS.iter().map(|known| known.replace('.', "_"));
        let meant = kaufmann_avro::suggest::closest(name, known.chain(OURS.map(str::to_owned)));
        let hint = meant
            .map(|meant| format!("did you mean `{meant}`? "))
            .unwrap_or_default();
        return Err(format!(
            "is unknown; {hint}a topic has `partitions`, `replication`, `retention`, `cleanup`, and Kafka's own settings with `_` \
             for `.`"
        ));
    }
    let is_size = dotted.ends_with(".bytes") && value.ends_with('B');
    let value = match Kind::Bytes.parse(value) {
        Ok(bytes) if is_size => bytes.to_string(),
        _ => value.to_owned(),
    };
    Ok((dotted, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(declare: &[(&str, &[(&str, &str)])]) -> Config {
        let mut config = Config {
            group: "g".to_owned(),
            topics: vec!["shop".to_owned()],
            ..Config::default()
        };
        for (topic, properties) in declare {
            let properties = properties
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            config.declare.insert((*topic).to_owned(), properties.collect());
        }
        config
    }

    #[test]
    fn a_topic_has_the_settings_of_all_that_it_does_not_set_and_the_dead_letter_topic_follows() {
        let config = config(&[
            ("*", &[("replication", "3"), ("retention", "7d")]),
            (
                "shop",
                &[
                    ("partitions", "12"),
                    ("cleanup", "delete, compact"),
                    ("max_message_bytes", "2MiB"),
                ],
            ),
            ("replies", &[("partitions", "40"), ("retention", "forever")]),
        ]);
        let topics = declared(&config).unwrap();
        let shop = &topics["shop"];
        assert_eq!((shop.partitions, shop.replication), (Some(12), Some(3)));
        assert_eq!(
            shop.settings
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>(),
            [
                "cleanup.policy=compact,delete",
                "max.message.bytes=2097152",
                "retention.ms=604800000"
            ]
        );
        assert_eq!(topics["replies"].settings["retention.ms"], "-1");
        let dead = &topics["g.dead-letter"];
        assert_eq!(
            (dead.partitions, dead.replication),
            (Some(12), Some(3)),
            "only consumed topics count"
        );
        assert_eq!(topics.len(), 3);
    }

    #[test]
    fn retry_topics_follow_as_the_dead_letters_do() {
        let mut config = config(&[("shop", &[("partitions", "2")])]);
        config.retry.topics.delays = vec![std::time::Duration::from_secs(60)];
        let topics = declared(&config).unwrap();
        assert_eq!(topics["g.retry.1m"].partitions, Some(2));
        assert_eq!(topics.len(), 3);
    }

    #[test]
    fn without_declarations_there_are_no_topics_and_with_stop_no_dead_letter_topic() {
        assert!(declared(&config(&[])).unwrap().is_empty());
        let mut config = config(&[("shop", &[("partitions", "2")])]);
        config.on_failure = crate::config::OnFailure::Stop;
        assert_eq!(
            declared(&config).unwrap().into_keys().collect::<Vec<_>>(),
            ["shop"]
        );
    }

    #[test]
    fn mistakes_name_the_topic_the_setting_and_what_was_meant() {
        let mistakes = declared(&config(&[
            (
                "shop",
                &[
                    ("partitions", "0"),
                    ("retension", "7d"),
                    ("retention", "a while"),
                    ("cleanup", "all"),
                ],
            ),
            ("a b", &[]),
        ]))
        .unwrap_err();
        let texts: Vec<_> = mistakes
            .iter()
            .map(|mistake| format!("{} {}", mistake.key, mistake.what))
            .collect();
        assert!(
            texts[0].starts_with("declare.a b is not a topic's name, expected"),
            "{texts:?}"
        );
        assert!(
            texts[1].starts_with("declare.shop.cleanup is \"all\", expected \"delete\""),
            "{texts:?}"
        );
        assert_eq!(
            texts[2],
            "declare.shop.partitions is \"0\", expected a whole number from 1 to 2147483647"
        );
        assert!(
            texts[3].starts_with("declare.shop.retension is unknown; did you mean `retention`?"),
            "{texts:?}"
        );
        assert!(
            texts[4].starts_with("declare.shop.retention is \"a while\", expected a duration"),
            "{texts:?}"
        );
    }
}
