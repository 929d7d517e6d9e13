//! Checks the settings against each other, librdkafka and this machine. Pure, except [`check`].

use std::time::Duration;

use super::report::{Check, State, about, about_one};
use crate::config::group::of_consumer;
use crate::config::{Config, Delivery};
use crate::engine::runtime::published;
use crate::handler::event::EventInfo;
use crate::handler::{HandlerEntry, Service};
use crate::kafka::condition::{client_version, try_settings};
use crate::kafka::prefetch::Prefetch;

/// librdkafka's default of `max.poll.interval.ms`.
const MAX_POLL_INTERVAL: u64 = 300_000;

/// librdkafka's default of `session.timeout.ms`.
const SESSION_TIMEOUT: u64 = 45_000;

/// librdkafka's default of `heartbeat.interval.ms`.
const HEARTBEAT_INTERVAL: u64 = 3_000;

/// Checks the settings, and this machine's limits.
pub(super) fn check<V: Service>(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(error) = config.check_run() {
        // Each mistake is on its own line.
        let text = error.to_string();
        let lines = text
            .lines()
            .filter(|line| !line.ends_with("mistakes in the configuration:"));
        checks.extend(lines.map(|line| about("settings").text(State::Unfit, line.trim())));
    } else if let Err(text) = try_settings(config) {
        checks.push(about("settings").text(State::Unfit, &text));
    }
    checks.extend(judge(config, V::HANDLERS));
    checks.extend(
        published::<V>(config.on_failure)
            .into_iter()
            .filter_map(|info| unrouted(config, info)),
    );
    if checks.is_empty() {
        let found = format!("no conflicts, and librdkafka {} accepts them", client_version());
        checks.push(about("settings").fit(found));
    }
    checks.extend(open_files(limit(), config.brokers.len()));
    checks
}

/// The check of a published event for which no topic is set.
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

/// Conflicting settings, and settings that may not be intended.
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
                "`heartbeat.interval.ms` ({heartbeat} ms) is more than a third of `session.timeout.ms` ({session} ms): a single \
                 lost heartbeat may cost the member its partitions"
            ),
            "shorten the interval, or raise the timeout",
        ));
    }
    if let Some((key, value)) = of_producer(config, "message.timeout.ms").filter(|(_, value)| *value != "0") {
        checks.push(settings.warning(
            format!("`{key}` is {value}: a message fails after that, and is sent again after later ones with its key"),
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

/// Limits that make each other useless.
fn bounds(config: &Config, handlers: &[HandlerEntry]) -> Vec<Check> {
    let settings = about("settings");
    let mut checks = Vec::new();
    if config.max_unsettled < config.max_in_flight {
        checks.push(settings.warning(
            format!(
                "`max_unsettled` ({}) is less than `max_in_flight` ({}): one partition can never have that many events in flight",
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
                 read once {} records wait after it",
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
                "the handler `{path}` may take {timeout:?}, but `shutdown_deadline` is {:?}: a shutdown may cut it off, and its \
                 record is repeated",
                config.shutdown_deadline
            ),
            "raise `shutdown_deadline`, and the supervisor's grace period",
        ));
    }
    checks
}

/// Checks the memory that an instance with this many partitions needs, by the limits of kaufmann and the client.
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
            format!("{found}; but the process may use no more than {} MiB, and librdkafka aborts it when memory runs out", limit >> 20),
            "raise the limit, or lower `max_bytes`, `kafka.\"queued.max.messages.kbytes\"` and `kafka.\"fetch.message.max.bytes\"`",
        ),
        None => memory.fit(found),
    }
}

/// The usual compression ratio of batches of text.
const USUAL_RATIO: u64 = 10;

/// The memory limit of this process: its own, or its cgroup's if lower.
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

/// Checks that the service may open enough files and connections.
pub(super) fn open_files(limit: Option<u64>, brokers: usize) -> Option<Check> {
    let limit = limit?;
    // Each of two clients has, for each broker and a few more, a connection and a wake-up pipe.
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

/// The producer's value of a property, with the key under which it was set.
fn of_producer<'a>(config: &'a Config, name: &str) -> Option<(&'a str, &'a str)> {
    let own = config.kafka.get_key_value(&format!("producer.{name}"));
    own.or_else(|| config.kafka.get_key_value(name))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}
