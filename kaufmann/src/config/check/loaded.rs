//! Checks of a loaded configuration besides the bounds: keys that need or exclude each other, and what a command requires.

use super::{INTERNAL, TOPIC, is_internal, is_topic};
use crate::base::error::Error;
use crate::config::effective::{Origin, Setting};
use crate::config::group::{Conflict, conflicts};
use crate::config::kind::is_address;
use crate::config::problem::Problems;
use crate::config::{Config, ReplyTo, declared, keys, layers, without_credentials};

/// Other rooms' rules for their values.
pub(crate) struct Rules {
    /// The invalid properties of `[kafka]`.
    pub(crate) kafka: fn(&Config) -> Vec<Conflict>,
    /// Why `log.filter` is invalid, if it is.
    pub(crate) log_filter: fn(&str) -> Result<(), String>,
}

#[cfg(test)]
impl Rules {
    const NONE: Self = Self {
        kafka: |_| Vec::new(),
        log_filter: |_| Ok(()),
    };
}

impl Config {
    /// Checks each value against its key's bounds, and combinations of keys; `settings` has where each was set.
    pub(crate) fn check(&self, settings: &[Setting], rules: &Rules) -> Result<(), Error> {
        // Where a key or one of its entries was set.
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
                 `dead_letter.topic` to another topic, or remove it from `topics`",
                at("topics")
            ));
        }
        for mistake in declared::declared(self).err().unwrap_or_default() {
            problems.push(format!("{}`{}` {}", at(&mistake.key), mistake.key, mistake.what));
        }
        if self.publish.reply_to != ReplyTo::Topic && self.publish.callback_topics.is_empty() {
            problems.push(format!(
                "{}`publish.reply_to` follows topics that records name, but `publish.callback_topics` allows none; list \
                 them, or the beginnings of their names followed by `*`",
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
                without_credentials(filter),
                keys::FILTER
            ));
        }
        self.check_registry(&at, &mut problems);
        self.check_brokers_are_addresses(&at, &mut problems);
        problems.into_result()
    }

    /// Describes what is wrong with a property, without what may be a piece of a secret.
    fn property(&self, name: &str, why: &str) -> String {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let (Some(secret), Some(key)) = (self.kafka.after_secret(name), keys::find("kafka")) {
            let hint = layers::after_secret_hint(key, secret);
            return format!("`kafka` has an entry that librdkafka or kaufmann refuses{hint}");
        }
        if name.chars().all(is_name) {
            format!("`kafka.{name}` {why}")
        } else {
            "`kafka` has an entry that is not a property's name; it is not shown, because it may be a piece of a secret".to_owned()
        }
    }

    /// Checks which keys the registry's keys need, and which they exclude.
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

    fn check_brokers_are_addresses(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let at = at("brokers");
        if self.brokers.iter().any(|broker| broker.contains('@')) {
            // Not even partly: a password with a comma in it is two items.
            problems.push(format!(
                "{at}`brokers` carries credentials, expected `host:port`; set `kafka.sasl.username` and \
                 `kafka.sasl.password` instead"
            ));
            return;
        }
        for broker in self.brokers.iter().filter(|broker| !is_address(broker)) {
            let shown = without_credentials(broker);
            problems.push(format!(
                "{at}`brokers` has `{shown}`, expected `host:port`, such as `localhost:9092`"
            ));
        }
    }

    /// Checks that topics can be called so, and that those which are written to are not Kafka's own.
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

    /// Checks that all settings that are needed to consume from a cluster are there.
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
    let Some(key) = keys::find(path) else {
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
                "kaufmann.toml:3:1: {key} has `{own}`, which is Kafka's own and must not be written to; name a topic of events"
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
        // Reading it does no harm.
        assert_eq!(check("topics", |config| config.topics = vec![own()]), None);
    }
}
