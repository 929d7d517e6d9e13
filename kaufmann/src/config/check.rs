//! What no single value can tell: keys that need each other, and what a command cannot do without.

use super::problem::Problems;
use super::{Config, ReplyTo};
use crate::error::Error;
pub(crate) use crate::topic::{TOPIC, is_topic};

impl Config {
    /// Checks what keys mean together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut problems = Problems::default();
        if self.retry.initial > self.retry.max {
            problems.push(format!(
                "`retry.initial` ({:?}) is longer than `retry.max` ({:?}); raise `retry.max`",
                self.retry.initial, self.retry.max
            ));
        }
        self.check_topics(&mut problems);
        if self.publish.reply_to != ReplyTo::Topic && self.publish.callback_topics.is_empty() {
            problems.push(
                "`publish.reply_to` follows topics that records name, but `publish.callback_topics` allows none; list \
                 them, or the beginnings of their names with a `*` behind",
            );
        }
        let registry = &self.registry;
        if registry.password.is_some() && registry.user.is_none() {
            problems.push("`registry.password` needs `registry.user`");
        }
        if registry.user.is_some() && registry.password.is_none() {
            problems.push(format!(
                "`registry.user` needs `registry.password`; {}",
                remedy("registry.password")
            ));
        }
        if registry.token.is_some() && registry.user.is_some() {
            problems.push("`registry.token` and `registry.user` exclude each other; remove one");
        }
        if registry.url.iter().any(|url| url.contains('@')) {
            problems.push(
                "`registry.url` carries credentials; set `registry.user` and `registry.password` instead",
            );
        }
        if registry.certificate.is_some() != registry.key.is_some() {
            problems.push("`registry.certificate` and `registry.key` need each other; set both or none");
        }
        if self.brokers.iter().any(|broker| broker.contains('@')) {
            // Not even in parts: a password with a comma in it is two items.
            problems.push(
                "`brokers` carries credentials, expected `host:port`; set `kafka.sasl.username` and \
                 `kafka.sasl.password` instead",
            );
            return problems.into_result();
        }
        for broker in self.brokers.iter().filter(|broker| !is_address(broker)) {
            let shown = super::without_credentials(broker);
            problems.push(format!(
                "`brokers` has `{shown}`, expected `host:port`, such as `localhost:9092`"
            ));
        }
        problems.into_result()
    }

    /// Checks that topics can be called so.
    fn check_topics(&self, problems: &mut Problems) {
        let mut named: Vec<(String, String)> = Vec::new();
        named.extend(
            self.topics
                .iter()
                .map(|topic| ("`topics`".to_owned(), topic.clone())),
        );
        named.extend(
            self.publish
                .topic
                .clone()
                .map(|topic| ("`publish.topic`".to_owned(), topic)),
        );
        let of_events = self.publish.topics.iter();
        named
            .extend(of_events.map(|(event, topic)| (format!("`publish.topics.\"{event}\"`"), topic.clone())));
        let dead = match self.dead_letter.topic {
            Some(_) => "`dead_letter.topic`",
            None => "`dead_letter.topic`, which follows from `group`,",
        };
        named.push((dead.to_owned(), self.dead_letter_topic()));
        for (place, topic) in named.iter().filter(|(_, topic)| !is_topic(topic)) {
            problems.push(format!("{place} has `{topic}`, expected {TOPIC}"));
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

    /// Checks that there is all it takes to consume from a cluster.
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

/// `host`, `host:port` or `[v6]:port`.
fn is_address(broker: &str) -> bool {
    let (host, port) = match broker.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (broker, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let host_fits = !host.is_empty() && !host.contains(['/', '@']) && !host.contains(char::is_whitespace);
    port_fits && host_fits && (!host.contains(':') || host.starts_with('['))
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
