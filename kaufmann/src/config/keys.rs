//! The table of keys: each setting with its kind and its description.
//!
//! Flags, environment variables, `--help` and the listing of `config` all come from here.

use super::kind::{Kind, MOST};

/// A key of the configuration.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its path in the file: `registry.url`.
    pub(crate) path: &'static str,
    /// The kind of its value.
    pub(crate) kind: Kind,
    /// Its description, in one line.
    pub(crate) doc: &'static str,
    /// Whether the short help shows it.
    pub(crate) common: bool,
}

/// What `log.filter` is expected to be.
pub(crate) const FILTER: &str = "a filter such as \"info,my_service=debug\"";

/// About the number of cores of the largest machines; still fewer threads than a system refuses.
const MOST_THREADS: u64 = 1024;

/// All keys, in the order in which they are listed.
pub(crate) static KEYS: &[Key] = &[
    often(
        "brokers",
        Kind::List("`host:port`"),
        "The brokers to start from, each host:port",
    ),
    often(
        "group",
        Kind::Text("a name"),
        "The consumer group [default: the service's name]",
    ),
    often(
        "topics",
        Kind::List("a topic's name"),
        "The topics to consume [default: those the handled events' schemas name]",
    ),
    key(
        "ordering",
        Kind::Choice(&["key", "partition", "none"]),
        "Which records are handled one after another",
    ),
    key(
        "topic_ordering",
        Kind::Choices(&["key", "partition", "none"]),
        "Which records of one topic are handled one after another: TOPIC=ORDERING",
    ),
    key(
        "delivery",
        Kind::Choice(&["at_least_once", "at_most_once", "exactly_once"]),
        "What a crash may do to a record: repeat it, lose it, or repeat only its handler",
    ),
    key(
        "exactly_once.interval",
        Kind::Duration { min: 1 },
        "How long a transaction takes records, at most, before it is committed",
    ),
    key(
        "exactly_once.max_records",
        count(1),
        "After how many records a transaction is committed earlier",
    ),
    key(
        "exactly_once.transactional_id",
        Kind::Text("a name"),
        "The brokers' name for this instance, unique and the same after a restart [default: see the guide]",
    ),
    key(
        "exactly_once.timeout",
        Kind::Duration { min: 1000 },
        "After how long the brokers abort a transaction of an instance that is gone",
    ),
    often(
        "max_in_flight",
        count(1),
        "How many events may be handled at once",
    ),
    key(
        "max_unsettled",
        count(1),
        "How many records of one partition may be unsettled",
    ),
    key(
        "max_bytes",
        Kind::Bytes,
        "How many bytes of records may be unsettled, over all partitions",
    ),
    key(
        "commit_interval",
        Kind::Duration { min: 10 },
        "How often settled offsets are committed",
    ),
    key(
        "commit_ahead",
        Kind::Flag,
        "Commit also which records above the offset are settled, so that they are not repeated",
    ),
    key(
        "join_deadline",
        Kind::Duration { min: 0 },
        "How long the group may refuse this member for a temporary reason before the service ends",
    ),
    key(
        "revoke_deadline",
        Kind::Duration { min: 0 },
        "How long a revoked partition may take to finish records in flight",
    ),
    key(
        "shutdown_deadline",
        Kind::Duration { min: 0 },
        "How long a shutdown may take to finish records in flight",
    ),
    key(
        "worker_threads",
        Kind::Count {
            min: 0,
            max: MOST_THREADS,
        },
        "The runtime's threads; 0 means one per core",
    ),
    key(
        "on_failure",
        Kind::Choice(&["dead_letter", "error_event", "both", "stop"]),
        "What becomes of a record that cannot be handled",
    ),
    key(
        "handler.timeout",
        Kind::Duration { min: 1 },
        "How long an attempt may take [default: no limit]",
    ),
    key(
        "retry.max_attempts",
        count(0),
        "After how many attempts a failure is final; 0: never",
    ),
    key(
        "retry.max_waiting",
        count(1),
        "How many failed records may wait to be tried again",
    ),
    key(
        "retry.max_waiting_bytes",
        Kind::Bytes,
        "How many bytes of failed records may wait to be tried again",
    ),
    key(
        "retry.initial",
        Kind::Duration { min: 1 },
        "The wait before the first retry of a failed handler",
    ),
    key(
        "retry.max",
        Kind::Duration { min: 1 },
        "The longest wait before a retry",
    ),
    key(
        "retry.factor",
        Kind::Number { min: 1.0, max: 100.0 },
        "The factor by which each wait is longer than the one before",
    ),
    key(
        "retry.jitter",
        Kind::Number { min: 0.0, max: 1.0 },
        "The share by which a wait may be shortened at random",
    ),
    key(
        "retry.topics.delays",
        Kind::Durations { min: 100 },
        "How long records wait in each retry topic after their last attempt [default: no retry topics]",
    ),
    key(
        "retry.topics.names",
        Kind::List("a topic's name"),
        "The retry topics, one for each delay [default: GROUP.retry.DELAY]",
    ),
    key(
        "watchdog.after",
        Kind::Duration { min: 10 },
        "After how long a slow event or a stalled partition is reported",
    ),
    key(
        "publish.topic",
        Kind::Text("a topic's name"),
        "The topic of events for which nothing else sets one",
    ),
    key(
        "publish.topics",
        Kind::Pairs("a topic's name"),
        "The topic of an event by its name: EVENT=TOPIC",
    ),
    key(
        "publish.partitioning",
        Kind::Choice(&["key", "round_robin"]),
        "Which partition of its topic an event goes to: its key's, or each in turn",
    ),
    key(
        "publish.partitionings",
        Kind::Choices(&["key", "round_robin"]),
        "Which partition an event goes to by the event's name: EVENT=PARTITIONING",
    ),
    key(
        "publish.max_outstanding",
        count(1),
        "How many messages may wait for the broker at once",
    ),
    key(
        "publish.source",
        Kind::Text("a URI reference"),
        "ce_source of the events [default: / and the group]",
    ),
    key(
        "publish.reply_to",
        Kind::Choice(&["topic", "callback", "both"]),
        "Where returned events go: their own topic, the one that the cause names, or both",
    ),
    key(
        "publish.callback_topics",
        Kind::List("a topic's name, or the beginning of one and `*`"),
        "Which topics a cause may name",
    ),
    key(
        "dead_letter.topic",
        Kind::Text("a topic's name"),
        "The topic for records that cannot be handled [default: GROUP.dead-letter]",
    ),
    key(
        "dead_letter.max_share",
        Kind::Number { min: 0.0, max: 1.0 },
        "Stop when a larger share of a partition's last offsets cannot be handled; 1: never",
    ),
    key(
        "dead_letter.max_consecutive",
        count(0),
        "Stop when more consecutive offsets cannot be handled; 0: never",
    ),
    key(
        "dead_letter.window",
        count(1),
        "Over how many offsets of a partition max_share is counted",
    ),
    key(
        "dead_letter.on_limit",
        Kind::Choice(&["stop", "hold_topic"]),
        "What happens at these limits: stop, or do not read the topic for a while",
    ),
    key(
        "dead_letter.hold",
        Kind::Duration { min: 1 },
        "How long a topic is not read the first time; twice as long each further time",
    ),
    key(
        "dead_letter.hold_max",
        Kind::Duration { min: 1 },
        "The longest time that a topic is not read",
    ),
    key(
        "dead_letter.topics",
        Kind::Nested("a text or a number"),
        "Limits of single topics: TOPIC.LIMIT=VALUE",
    ),
    key(
        "dead_letter.handlers",
        Kind::Nested("a text or a number"),
        "Limits of single handlers: PATH.LIMIT=VALUE",
    ),
    key(
        "declare",
        Kind::Nested("a text, a number, or true or false"),
        "A declared setting of a topic, for `topics plan`: TOPIC.SETTING=VALUE",
    ),
    often(
        "registry.url",
        Kind::Urls,
        "The schema registry's base URL; several are tried in turn",
    ),
    key(
        "registry.register",
        Kind::Flag,
        "Register the schemas of published events at the start",
    ),
    key(
        "registry.normalize",
        Kind::Flag,
        "Let the registry normalize schemas before it compares or registers them",
    ),
    key(
        "registry.subject",
        Kind::Choice(&["record", "topic", "topic-record"]),
        "What an event's subject is named after",
    ),
    key(
        "registry.user",
        Kind::Text("a name"),
        "The user for basic authentication",
    ),
    key(
        "registry.password",
        Kind::Secret,
        "The password for basic authentication",
    ),
    key(
        "registry.token",
        Kind::Secret,
        "The token for bearer authentication",
    ),
    key(
        "registry.timeout",
        Kind::Duration { min: 1 },
        "How long the registry may take to answer one request",
    ),
    key(
        "registry.retries",
        count(0),
        "How often a call to the registry is repeated after a temporary failure",
    ),
    key(
        "registry.recheck",
        Kind::Duration { min: 1 },
        "After how long an id that is unknown or cannot be read is looked up again",
    ),
    key(
        "registry.ca",
        Kind::Text("a file's path"),
        "A PEM file of the certificates to trust instead of the system's",
    ),
    key(
        "registry.certificate",
        Kind::Text("a file's path"),
        "A PEM file of the service's own certificate",
    ),
    key(
        "registry.key",
        Kind::Text("a file's path"),
        "A PEM file of that certificate's private key",
    ),
    key(
        "log.format",
        Kind::Choice(&["auto", "human", "json"]),
        "The format of log lines; auto: human on a terminal, else json",
    ),
    often("log.filter", Kind::Text(FILTER), "What is logged [default: info]"),
    often(
        "kafka",
        Kind::Pairs("a text"),
        "A property for librdkafka: NAME=VALUE, as often as needed; in the variable commas separate several, and a value with \
         a comma needs a variable of its own, such as KAUFMANN_KAFKA_SASL_PASSWORD",
    ),
    key(
        "app",
        Kind::Free,
        "A setting of the service's own: NAME=VALUE, as often as needed; in the variable commas separate several, and \
         KAUFMANN_APP_DATABASE__URL sets only `database.url`, to a value that may have commas",
    ),
];

const fn count(min: u64) -> Kind {
    Kind::Count { min, max: MOST }
}

const fn key(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        doc,
        common: false,
    }
}

const fn often(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        path,
        kind,
        doc,
        common: true,
    }
}

impl Key {
    /// `registry.url` → `KAUFMANN_REGISTRY_URL`.
    pub(crate) fn variable(&self) -> String {
        format!("KAUFMANN_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }

    /// The variable of one entry of a table: `sasl.password` → `KAUFMANN_KAFKA_SASL_PASSWORD`.
    pub(crate) fn variable_of(&self, entry: &str) -> String {
        let dot = if self.kind == Kind::Free { "__" } else { "_" };
        format!(
            "{}_{}",
            self.variable(),
            entry.replace('.', dot).to_ascii_uppercase()
        )
    }

    /// `registry.url` → `registry-url`, without the dashes before it.
    pub(crate) fn flag(&self) -> String {
        self.path.replace(['.', '_'], "-")
    }
}

/// The key with this path.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::config::Config;

    fn leaves(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    let path = if prefix.is_empty() {
                        name.clone()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    leaves(&path, value, found);
                }
            }
            _ => {
                found.insert(prefix.to_owned());
            }
        }
    }

    #[test]
    fn the_table_has_each_field_of_the_configuration_and_no_other() {
        let mut fields = BTreeSet::new();
        leaves("", &serde_json::to_value(Config::default()).unwrap(), &mut fields);
        assert_eq!(fields, KEYS.iter().map(|key| key.path.to_owned()).collect());
    }

    /// The names in backticks of a text.
    fn names(text: &str) -> impl Iterator<Item = &str> {
        text.split('`').skip(1).step_by(2)
    }

    #[test]
    fn the_guide_to_the_guarantees_says_of_each_key_once_what_it_guarantees_or_that_it_changes_nothing() {
        let guide = include_str!("../docs/guarantees.md");
        let (tables, list) = guide.split_once("# What changes none of this").unwrap();
        let first_cells = tables
            .lines()
            .filter_map(|line| line.strip_prefix('|')?.split('|').next());
        let items = list
            .lines()
            .filter_map(|line| line.strip_prefix("- ")?.split(':').next());
        let mut named: Vec<&str> = first_cells.chain(items).flat_map(names).collect();
        // Properties of librdkafka have rows of their own; attributes of handlers are beside their keys.
        named.retain(|name| !name.starts_with("kafka.\"") && !["timeout", "retries"].contains(name));
        named.sort_unstable();
        let mut keys: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
        keys.sort_unstable();
        assert_eq!(named, keys);
    }

    #[test]
    fn names_of_variables_and_flags_follow_from_the_path() {
        let key = find("dead_letter.topic").unwrap();
        assert_eq!(key.variable(), "KAUFMANN_DEAD_LETTER_TOPIC");
        assert_eq!(key.flag(), "dead-letter-topic");
    }

    #[test]
    fn no_two_keys_share_a_variable_or_a_flag() {
        let flags: BTreeSet<_> = KEYS.iter().map(Key::flag).collect();
        let variables: BTreeSet<_> = KEYS.iter().map(Key::variable).collect();
        assert_eq!((flags.len(), variables.len()), (KEYS.len(), KEYS.len()));
    }

    #[test]
    fn a_misspelt_name_finds_the_nearest_key_and_nonsense_finds_none() {
        let closest = |name| kaufmann_avro::suggest::closest(name, KEYS.iter().map(|key| key.path));
        assert_eq!(closest("max_inflight"), Some("max_in_flight"));
        assert_eq!(closest("broker"), Some("brokers"));
        assert_eq!(closest("zzzz"), None);
    }
}
