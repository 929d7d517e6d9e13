//! Whether a configuration can be run with, wherever it came from: the bounds of single values, keys that need each other, and
//! what a command cannot do without.

use serde_json::Value;

#[cfg(feature = "cli")]
use super::ReplyTo;
#[cfg(feature = "cli")]
use super::effective::{Origin, Setting};
#[cfg(feature = "cli")]
use super::group::{Conflict, conflicts};
use super::keys::KEYS;
use super::kind::Kind;
#[cfg(feature = "cli")]
use super::kind::is_address;
use super::problem::Problems;
use super::{Config, Delivery, RetryTopicsConfig};
use crate::base::error::{Error, ErrorKind};
use crate::config::topic::{INTERNAL, is_internal};
pub(crate) use crate::config::topic::{TOPIC, is_topic};

/// What other rooms know about values of theirs.
#[cfg(feature = "cli")]
pub(crate) struct Rules {
    /// The properties of `[kafka]` that cannot be set, or not so.
    pub(crate) kafka: fn(&Config) -> Vec<Conflict>,
    /// Why `log.filter` is invalid, if it is.
    pub(crate) log_filter: fn(&str) -> Result<(), String>,
}

#[cfg(all(feature = "cli", test))]
impl Rules {
    const NONE: Self = Self {
        kafka: |_| Vec::new(),
        log_filter: |_| Ok(()),
    };
}

impl Config {
    /// Checks each value against its key's bounds, and what keys mean together; `settings` says where they were set.
    #[cfg(feature = "cli")]
    pub(crate) fn check(&self, settings: &[Setting], rules: &Rules) -> Result<(), Error> {
        // Where a key was set, or one of its entries.
        let at = |key: &str| {
            let is_it = |setting: &&Setting| {
                let rest = setting.key.strip_prefix(key);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            match settings.iter().find(is_it).map(|setting| &setting.origin) {
                None | Some(Origin::Default | Origin::Service) => String::new(),
                Some(origin) => format!("{origin}: "),
            }
        };
        self.check_bounds_at(&at)?;
        let mut problems = Problems::default();
        if self.retry.initial > self.retry.max {
            problems.push(format!(
                "{}`retry.initial` ({}) is longer than `retry.max` ({}); raise `retry.max`",
                at("retry.initial"),
                humantime::format_duration(self.retry.initial),
                humantime::format_duration(self.retry.max)
            ));
        }
        self.check_topics(&at, &mut problems);
        let dead_letters = self.dead_letter_topic();
        if self.topics.contains(&dead_letters) {
            problems.push(format!(
                "{}`topics` has `{dead_letters}`, to which dead letters go: each would be handled, and fail, again; set \
                 `dead_letter.topic` to another one, or take it out of `topics`",
                at("topics")
            ));
        }
        for mistake in super::declared::declared(self).err().unwrap_or_default() {
            problems.push(format!("{}`{}` {}", at(&mistake.key), mistake.key, mistake.what));
        }
        if self.publish.reply_to != ReplyTo::Topic && self.publish.callback_topics.is_empty() {
            problems.push(format!(
                "{}`publish.reply_to` follows topics that records name, but `publish.callback_topics` allows none; list \
                 them, or the beginnings of their names with a `*` behind",
                at("publish.reply_to")
            ));
        }
        for Conflict { key, why } in (rules.kafka)(self).into_iter().chain(conflicts(&self.kafka)) {
            let place = at(&format!("kafka.{key}"));
            problems.push(format!("{place}{}", self.property(&key, &why)));
        }
        if let Some(filter) = &self.log.filter
            && let Err(why) = (rules.log_filter)(filter)
        {
            problems.push(format!(
                "{}`log.filter` is \"{}\", expected {}: {why}",
                at("log.filter"),
                super::without_credentials(filter),
                super::keys::FILTER
            ));
        }
        self.check_registry(&at, &mut problems);
        self.check_brokers_are_addresses(&at, &mut problems);
        problems.into_result()
    }

    /// What is wrong with a property, without what may be a piece of a secret.
    #[cfg(feature = "cli")]
    fn property(&self, name: &str, why: &str) -> String {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let (Some(secret), Some(key)) = (self.kafka.behind(name), super::keys::find("kafka")) {
            let hint = super::layers::behind_secret(key, secret);
            return format!("`kafka` has an entry that librdkafka or kaufmann refuses{hint}");
        }
        if name.chars().all(is_name) {
            format!("`kafka.{name}` {why}")
        } else {
            "`kafka` has an entry whose name no property has; it is not shown, because it may be a piece of a secret".to_owned()
        }
    }

    /// Checks what the registry's keys need, and what they exclude.
    #[cfg(feature = "cli")]
    fn check_registry(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let registry = &self.registry;
        if registry.password.is_some() && registry.user.is_none() {
            problems.push(format!(
                "{}`registry.password` needs `registry.user`",
                at("registry.password")
            ));
        }
        if registry.user.is_some() && registry.password.is_none() {
            problems.push(format!(
                "{}`registry.user` needs `registry.password`; {}",
                at("registry.user"),
                remedy("registry.password")
            ));
        }
        if registry.token.is_some() && registry.user.is_some() {
            problems.push(format!(
                "{}`registry.token` and `registry.user` exclude each other; remove one",
                at("registry.token")
            ));
        }
        if registry.url.iter().any(|url| url.contains('@')) {
            problems.push(format!(
                "{}`registry.url` carries credentials; set `registry.user` and `registry.password` instead",
                at("registry.url")
            ));
        }
        if registry.certificate.is_some() != registry.key.is_some() {
            let one = if registry.key.is_some() {
                "registry.key"
            } else {
                "registry.certificate"
            };
            problems.push(format!(
                "{}`registry.certificate` and `registry.key` need each other; set both or none",
                at(one)
            ));
        }
    }

    #[cfg(feature = "cli")]
    fn check_brokers_are_addresses(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let at = at("brokers");
        if self.brokers.iter().any(|broker| broker.contains('@')) {
            // Not even in parts: a password with a comma in it is two items.
            problems.push(format!(
                "{at}`brokers` carries credentials, expected `host:port`; set `kafka.sasl.username` and \
                 `kafka.sasl.password` instead"
            ));
            return;
        }
        for broker in self.brokers.iter().filter(|broker| !is_address(broker)) {
            let shown = super::without_credentials(broker);
            problems.push(format!(
                "{at}`brokers` has `{shown}`, expected `host:port`, such as `localhost:9092`"
            ));
        }
    }

    /// Checks that numbers and durations are as large as their keys in a file must be. Other values cannot be wrong once they
    /// have their types, or need others.
    pub(crate) fn check_bounds(&self) -> Result<(), Error> {
        self.check_bounds_at(&|_| String::new())
    }

    /// The same, where `at` says at which place a key was set.
    fn check_bounds_at(&self, at: &dyn Fn(&str) -> String) -> Result<(), Error> {
        let mut problems = Problems::default();
        let all = serde_json::to_value(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "the configuration could not be checked").caused_by(error)
        })?;
        for mistake in super::limits::mistakes(&self.dead_letter) {
            problems.push(format!("{}{mistake}", at("dead_letter")));
        }
        for key in KEYS {
            let value = key.path.split('.').try_fold(&all, |table, name| table.get(name));
            match (key.kind, value) {
                // Left out.
                (Kind::Duration { .. }, Some(Value::Null)) => {}
                (
                    kind @ (Kind::Count { .. }
                    | Kind::Bytes
                    | Kind::Duration { .. }
                    | Kind::Durations { .. }
                    | Kind::Number { .. }),
                    Some(value),
                ) => {
                    if let Err(mismatch) = kind.read(value) {
                        problems.push(format!(
                            "{}`{}` is {}, expected {}",
                            at(key.path),
                            key.path,
                            mismatch.found,
                            mismatch.expected
                        ));
                    }
                }
                _ => {}
            }
        }
        self.check_retry_topics(at, &mut problems);
        problems.into_result()
    }

    /// Checks what retry topics need, and what they exclude.
    fn check_retry_topics(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let RetryTopicsConfig { delays, names } = &self.retry.topics;
        if names.len() > delays.len() || (!names.is_empty() && names.len() < delays.len()) {
            problems.push(format!(
                "{}`retry.topics.names` has {}, but `retry.topics.delays` has {}; give each delay its topic, or remove the names",
                at("retry.topics.names"),
                names.len(),
                delays.len()
            ));
        }
        if delays.is_empty() {
            return;
        }
        if self.delivery == Delivery::AtMostOnce {
            problems.push(format!(
                "{}`retry.topics` is of no use with `delivery = \"at_most_once\"`, which tries nothing again; remove one",
                at("retry.topics")
            ));
        }
        if self.retry.max_attempts == 0 {
            problems.push(format!(
                "{}`retry.topics` is of no use with `retry.max_attempts` = 0, by which no attempt is the last one; remove one",
                at("retry.topics")
            ));
        }
        let at = at("retry.topics");
        let topics: Vec<String> = self.retry_topics().into_iter().map(|(name, _)| name).collect();
        for (place, topic) in topics.iter().enumerate() {
            if !is_topic(topic) {
                problems.push(format!("{at}`retry.topics` has `{topic}`, expected {TOPIC}"));
            } else if is_internal(topic) {
                problems.push(format!("{at}`retry.topics` has `{topic}`, which is {INTERNAL}"));
            } else if topics[..place].contains(topic) {
                problems.push(format!(
                    "{at}`retry.topics` has `{topic}` twice: the records of a topic wait for one time; give each its own name in \
                     `retry.topics.names`"
                ));
            } else if self.topics.contains(topic) {
                problems.push(format!(
                    "{at}`retry.topics` and `topics` both have `{topic}`; remove it from one"
                ));
            } else if *topic == self.dead_letter_topic() {
                problems.push(format!(
                    "{at}`retry.topics` has the dead-letter topic `{topic}`; give one another name"
                ));
            }
        }
    }

    /// Checks that topics can be called so, and that those which are written to are not Kafka's own.
    #[cfg(feature = "cli")]
    fn check_topics(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        // Each with its key, and as what it is shown.
        let mut named: Vec<(String, String, String)> = Vec::new();
        let shown = |key: &str| format!("`{key}`");
        named.extend(
            self.topics
                .iter()
                .map(|topic| ("topics".to_owned(), shown("topics"), topic.clone())),
        );
        let rest = self.publish.topic.iter();
        named.extend(rest.map(|topic| ("publish.topic".to_owned(), shown("publish.topic"), topic.clone())));
        named.extend(self.publish.topics.iter().map(|(event, topic)| {
            let shown = format!("`publish.topics.\"{event}\"`");
            (format!("publish.topics.{event}"), shown, topic.clone())
        }));
        let (key, shown) = match self.dead_letter.topic {
            Some(_) => ("dead_letter.topic", "`dead_letter.topic`"),
            None => ("group", "`dead_letter.topic`, which follows from `group`,"),
        };
        named.push((key.to_owned(), shown.to_owned(), self.dead_letter_topic()));
        for (key, shown, topic) in &named {
            if !is_topic(topic) {
                problems.push(format!("{}{shown} has `{topic}`, expected {TOPIC}", at(key)));
            } else if is_internal(topic) && key != "topics" {
                problems.push(format!("{}{shown} has `{topic}`, which is {INTERNAL}", at(key)));
            }
        }
    }

    /// Checks that a cluster is named.
    #[cfg(feature = "cli")]
    pub(crate) fn check_brokers(&self) -> Result<(), Error> {
        let mut problems = Problems::default();
        if self.brokers.is_empty() {
            problems.push(format!(
                "no brokers are configured; {}, or start an embedded broker with `dev`",
                remedy("brokers")
            ));
        }
        problems.into_result()
    }

    /// Checks that there is all it takes to consume from a cluster.
    #[cfg(feature = "cli")]
    pub(crate) fn check_run(&self) -> Result<(), Error> {
        self.check_brokers()?;
        let mut problems = Problems::default();
        if self.topics.is_empty() {
            problems.push(format!(
                "no topics to consume are configured; {}",
                remedy("topics")
            ));
        }
        if self.registry.url.is_empty() {
            problems.push(format!(
                "no schema registry is configured; {}",
                remedy("registry.url")
            ));
        }
        problems.into_result()
    }
}

/// The three ways to set a key.
fn remedy(path: &str) -> String {
    let Some(key) = super::keys::find(path) else {
        return String::new();
    };
    let example = match path {
        "brokers" => ("[\"localhost:9092\"]", "localhost:9092"),
        "topics" => ("[\"orders\"]", "orders"),
        "registry.url" => ("\"http://localhost:8081\"", "http://localhost:8081"),
        _ => ("\"…\"", "…"),
    };
    format!(
        "set `{path} = {}` in kaufmann.toml, {}={} in the environment, or --{} {}",
        example.0,
        key.variable(),
        example.1,
        key.flag(),
        example.1,
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::RetryConfig;

    fn said(config: &Config) -> String {
        config.check_bounds().unwrap_err().to_string()
    }

    #[test]
    fn the_default_is_within_its_bounds() {
        Config::default().check_bounds().unwrap();
    }

    #[test]
    fn more_threads_than_any_machine_has_cores_are_refused() {
        let config = |worker_threads| Config {
            worker_threads,
            ..Config::default()
        };
        config(1024).check_bounds().unwrap();
        let error = config(1025).check_bounds().unwrap_err().to_string();
        assert!(
            error.contains("`worker_threads` is 1025, expected a whole number from 0 to 1024"),
            "{error}"
        );
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_topic_that_is_consumed_takes_no_dead_letters() {
        let mut config = Config {
            topics: vec!["shop".to_owned()],
            ..Config::default()
        };
        config.dead_letter.topic = Some("shop".to_owned());
        let error = config.check(&[], &Rules::NONE).unwrap_err().to_string();
        assert!(
            error.contains("`topics` has `shop`, to which dead letters go"),
            "{error}"
        );
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_topic_of_kafkas_own_is_not_written_to_wherever_that_is_configured() {
        fn own() -> String {
            "__consumer_offsets".to_owned()
        }
        let check = |key: &str, change: fn(&mut Config)| {
            let mut config = Config {
                group: "g".to_owned(),
                ..Config::default()
            };
            change(&mut config);
            let set = Setting {
                key: key.to_owned(),
                value: None,
                origin: Origin::File("kaufmann.toml:3:1".to_owned()),
            };
            let result = config.check(&[set], &Rules::NONE);
            result.err().map(|error| error.to_string())
        };
        let refused = |key: &str| {
            let own = own();
            Some(format!(
                "kaufmann.toml:3:1: {key} has `{own}`, which is Kafka's own, where nobody else may write; name a topic of events"
            ))
        };
        let topic = check("publish.topic", |config| config.publish.topic = Some(own()));
        assert_eq!(topic, refused("`publish.topic`"));
        let topic = check("publish.topics.shop.placed", |config| {
            config.publish.topics.insert("shop.placed".to_owned(), own());
        });
        assert_eq!(topic, refused("`publish.topics.\"shop.placed\"`"));
        let topic = check("dead_letter.topic", |config| {
            config.dead_letter.topic = Some(own());
        });
        assert_eq!(topic, refused("`dead_letter.topic`"));
        let topic = check("retry.topics.names", |config| {
            config.retry.topics.delays = vec![Duration::from_secs(60)];
            config.retry.topics.names = vec![own()];
        });
        assert_eq!(topic, refused("`retry.topics`"));
        // To read them harms nobody.
        assert_eq!(check("topics", |config| config.topics = vec![own()]), None);
    }

    #[test]
    fn a_program_may_set_no_less_than_a_file() {
        let too_small = Config {
            commit_interval: Duration::ZERO,
            max_in_flight: 0,
            ..Config::default()
        };
        assert_eq!(
            said(&too_small),
            "2 mistakes in the configuration:\n  \
             `max_in_flight` is 0, expected a whole number of at least 1\n  \
             `commit_interval` is \"0s\", expected a duration of at least 10ms such as \"250ms\", \"30s\" or \"5m\""
        );
    }

    #[test]
    fn a_program_may_set_no_more_than_a_file_and_no_number_that_is_none() {
        let too_large = Config {
            shutdown_deadline: Duration::MAX,
            ..Config::default()
        };
        assert!(said(&too_large).starts_with("`shutdown_deadline` is "));
        let no_number = Config {
            retry: RetryConfig {
                jitter: f64::NAN,
                ..RetryConfig::default()
            },
            ..Config::default()
        };
        assert_eq!(
            said(&no_number),
            "`retry.jitter` is nothing, expected a number from 0 to 1"
        );
    }

    #[test]
    fn what_retry_topics_need_and_exclude_is_said_to_programs_too() {
        let check = |change: fn(&mut Config)| {
            let mut config = Config {
                group: "g".to_owned(),
                topics: vec!["orders".to_owned()],
                ..Config::default()
            };
            config.retry.topics.delays = vec![Duration::from_secs(60), Duration::from_secs(600)];
            change(&mut config);
            config
                .check_bounds()
                .err()
                .map_or_else(String::new, |error| error.to_string())
        };
        assert_eq!(check(|_| ()), "");
        fn names(config: &mut Config, names: &[&str]) {
            config.retry.topics.names = names.iter().map(|name| (*name).to_owned()).collect();
        }
        assert!(check(|config| config.delivery = Delivery::AtMostOnce).contains("at_most_once"));
        assert!(check(|config| config.retry.max_attempts = 0).contains("no attempt is the last one"));
        assert!(check(|config| config.retry.topics.delays[1] = Duration::from_secs(60)).contains("twice"));
        assert!(check(|config| config.retry.topics.delays[1] = Duration::ZERO).contains("at least 100ms"));
        assert_eq!(
            check(|config| names(config, &["a"])),
            "`retry.topics.names` has 1, but `retry.topics.delays` has 2; give each delay its topic, or remove the names"
        );
        assert!(check(|config| names(config, &["a", "orders"])).contains("`topics` both have `orders`"));
        assert!(check(|config| names(config, &["g.dead-letter", "a"])).contains("the dead-letter topic"));
        assert!(check(|config| names(config, &["a b", "c"])).contains("has `a b`, expected"));
    }

    /// One less than the least of each key, put where a program would put it.
    #[test]
    fn the_least_of_each_key_holds_for_programs_too() {
        for key in KEYS {
            let below = match key.kind {
                Kind::Count { min, .. } if min > 0 => Value::from(min - 1),
                Kind::Bytes => Value::from(0),
                Kind::Duration { min } if min > 0 => Value::from(format!("{}ms", min - 1)),
                Kind::Number { min, .. } => Value::from(min - 0.5),
                _ => continue,
            };
            let mut all = serde_json::to_value(Config::default()).unwrap();
            let place = key
                .path
                .split('.')
                .try_fold(&mut all, |table, name| table.get_mut(name));
            *place.unwrap() = below;
            let config: Config = serde_json::from_value(all).unwrap();
            assert!(
                said(&config).contains(&format!("`{}` is ", key.path)),
                "{}",
                key.path
            );
        }
    }
}
