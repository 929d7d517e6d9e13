//! Whether the settings fit each other, librdkafka and this machine. Pure, but for [`look`].

use std::time::Duration;

use super::report::{Check, State, about, about_one};
use crate::config::group::of_consumer;
use crate::config::{Config, Delivery};
use crate::engine::runtime::published;
use crate::handler::event::EventInfo;
use crate::handler::{HandlerEntry, Service};
use crate::kafka::condition::{client_version, try_settings};
use crate::kafka::prefetch::Prefetch;

/// What librdkafka has for `max.poll.interval.ms`.
const MAX_POLL_INTERVAL: u64 = 300_000;

/// What librdkafka has for `session.timeout.ms`.
const SESSION_TIMEOUT: u64 = 45_000;

/// What librdkafka has for `heartbeat.interval.ms`.
const HEARTBEAT_INTERVAL: u64 = 3_000;

/// Looks at the settings, and at what this machine allows.
pub(super) fn look<V: Service>(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(error) = config.check_run() {
        // Each mistake is a line of its own.
        let text = error.to_string();
        let lines = text
            .lines()
            .filter(|line| !line.ends_with("mistakes in the configuration:"));
        checks.extend(lines.map(|line| about("settings").said(State::Unfit, line.trim())));
    } else if let Err(text) = try_settings(config) {
        checks.push(about("settings").said(State::Unfit, &text));
    }
    checks.extend(judge(config, V::HANDLERS));
    checks.extend(
        published::<V>(config.on_failure)
            .into_iter()
            .filter_map(|info| unrouted(config, info)),
    );
    if checks.is_empty() {
        let found = format!("fit each other, and librdkafka {} takes them", client_version());
        checks.push(about("settings").fit(found));
    }
    checks.extend(open_files(limit(), config.brokers.len()));
    checks
}

/// An event that is published, and for which nothing names a topic.
pub(super) fn unrouted(config: &Config, info: &EventInfo) -> Option<Check> {
    let topic = config.publish.topic_of(info.name, info.topic);
    topic.is_none().then(|| {
        about_one("event", info.name).unfit(
            "no topic is set for it",
            format!(
                "give its schema ({}) the attribute `\"topic\"`, or set `publish.topics.\"{}\"` or `publish.topic`",
                info.defined_at, info.name
            ),
        )
    })
}

/// What does not go together, or may not be meant.
pub(super) fn judge(config: &Config, handlers: &[HandlerEntry]) -> Vec<Check> {
    let settings = about("settings");
    let mut checks = Vec::new();
    let millis =
        |name: &str| of_consumer(&config.kafka, name).and_then(|(_, value)| value.parse::<u64>().ok());

    let max_poll = millis("max.poll.interval.ms").unwrap_or(MAX_POLL_INTERVAL);
    if config.revoke_deadline >= Duration::from_millis(max_poll) {
        checks.push(settings.unfit(
            format!(
                "`revoke_deadline` ({:?}) is not shorter than `max.poll.interval.ms` ({max_poll} ms), which is how long the group \
                 waits for a member in a rebalance",
                config.revoke_deadline
            ),
            "shorten `revoke_deadline`, or raise `max.poll.interval.ms` in `[kafka]`",
        ));
    }
    let session = millis("session.timeout.ms").unwrap_or(SESSION_TIMEOUT);
    let heartbeat = millis("heartbeat.interval.ms").unwrap_or(HEARTBEAT_INTERVAL);
    if heartbeat.saturating_mul(3) > session {
        checks.push(settings.warning(
            format!(
                "`heartbeat.interval.ms` ({heartbeat} ms) is more than a third of `session.timeout.ms` ({session} ms): one that is \
                 lost may cost the member its partitions"
            ),
            "shorten the interval, or raise the time-out",
        ));
    }
    if let Some((key, value)) = of_producer(config, "message.timeout.ms").filter(|(_, value)| *value != "0") {
        checks.push(settings.warning(
            format!("`{key}` is {value}: a message is given up after that, and sent again behind later ones of its key"),
            "remove it, so that messages wait for the brokers in their order",
        ));
    }
    let has = |name: &str| config.kafka.keys().any(|key| key.ends_with(name));
    let is_sasl = config
        .kafka
        .get("security.protocol")
        .is_some_and(|protocol| protocol.to_ascii_lowercase().starts_with("sasl"));
    if (has("sasl.username") || has("sasl.password")) && !is_sasl {
        checks.push(settings.unfit(
            "`sasl.username` or `sasl.password` is set in `[kafka]`, but `security.protocol` names no SASL: they are not sent",
            "set `security.protocol` to `sasl_ssl` or `sasl_plaintext`, or remove them",
        ));
    }
    checks.extend(bounds(config, handlers));
    checks
}

/// Bounds of ours that make each other useless.
fn bounds(config: &Config, handlers: &[HandlerEntry]) -> Vec<Check> {
    let settings = about("settings");
    let mut checks = Vec::new();
    if config.max_unsettled < config.max_in_flight {
        checks.push(settings.warning(
            format!(
                "`max_unsettled` ({}) is less than `max_in_flight` ({}): one partition never has as many events running",
                config.max_unsettled, config.max_in_flight
            ),
            "raise `max_unsettled`, or lower `max_in_flight`",
        ));
    }
    if config.retry.max_waiting_bytes > config.max_bytes {
        checks.push(settings.warning(
            format!(
                "`retry.max_waiting_bytes` ({}) is more than `max_bytes` ({}), of which it is a part: failed records may fill \
                 all of it",
                config.retry.max_waiting_bytes, config.max_bytes
            ),
            "lower `retry.max_waiting_bytes`",
        ));
    }
    if config.retry.max_attempts == 0 && config.delivery != Delivery::AtMostOnce {
        checks.push(settings.warning(
            format!(
                "`retry.max_attempts` is 0: a record that always fails keeps its partition from being committed, and from being \
                 read once {} records wait behind it",
                config.max_unsettled
            ),
            "set `retry.max_attempts`, so that it becomes a dead letter in the end",
        ));
    }
    let longest = handlers
        .iter()
        .filter_map(|handler| Some((handler.limits.timeout.or(config.handler.timeout)?, handler.path)))
        .max_by_key(|(timeout, _)| *timeout);
    if let Some((timeout, path)) = longest.filter(|(timeout, _)| *timeout > config.shutdown_deadline) {
        checks.push(settings.warning(
            format!(
                "the handler `{path}` may take {timeout:?}, a shutdown only `shutdown_deadline` ({:?}): it may be cut off, and its \
                 record repeated",
                config.shutdown_deadline
            ),
            "raise `shutdown_deadline`, and the grace of whoever ends the process",
        ));
    }
    checks
}

/// What an instance that has so many partitions takes, as far as bounds of ours and of the client say.
pub(super) fn memory(config: &Config, partitions: usize, limit: Option<u64>) -> Check {
    let memory = about("memory");
    let prefetch = Prefetch::of(config);
    let found = format!(
        "`max_bytes` ({} MiB), and what is fetched ahead if one instance has all {partitions} consumed partitions: {}",
        config.max_bytes >> 20,
        prefetch.describe(partitions)
    );
    let usual = prefetch
        .most(partitions, USUAL_RATIO)
        .saturating_add(config.max_bytes as u64);
    match limit.filter(|limit| usual > *limit) {
        Some(limit) => memory.warning(
            format!("{found}; but the process may take no more than {} MiB: librdkafka ends it when there is no more", limit >> 20),
            "raise the limit, or lower `max_bytes`, `kafka.\"queued.max.messages.kbytes\"` and `kafka.\"fetch.message.max.bytes\"`",
        ),
        None => memory.fit(found),
    }
}

/// To which part batches of texts shrink, about.
const USUAL_RATIO: u64 = 10;

/// What this process may take of memory, by its own limit and by that of its group.
pub(super) fn memory_limit() -> Option<u64> {
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    group.into_iter().chain(address_space()).min()
}

#[cfg(unix)]
fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

/// Whether as many files and connections may be open as the service needs.
pub(super) fn open_files(limit: Option<u64>, brokers: usize) -> Option<Check> {
    let limit = limit?;
    // Each of two clients has, for each broker and a few more, a connection and a pipe that wakes it.
    let needed = 6 * (brokers as u64 + 3) + 46;
    let open_files = about("open-files");
    Some(if limit < needed {
        open_files.unfit(
            format!("only {limit} may be open, at least {needed} are needed"),
            "raise the limit: `ulimit -n 4096`, or `LimitNOFILE=4096` of a systemd service",
        )
    } else {
        let limit = match limit {
            u64::MAX => "any number".to_owned(),
            limit => limit.to_string(),
        };
        open_files.fit(format!("{limit} may be open, about {needed} are needed"))
    })
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere there is no such limit")]
fn limit() -> Option<u64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    Some(limit.current.unwrap_or(u64::MAX))
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

/// What a property is for the producer, with the name under which it was set.
fn of_producer<'a>(config: &'a Config, name: &str) -> Option<(&'a str, &'a str)> {
    let own = config.kafka.get_key_value(&format!("producer.{name}"));
    own.or_else(|| config.kafka.get_key_value(name))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}
