//! Checks that the brokers' settings support the service's configuration. Pure.

use super::report::{Check, about};
use crate::config::group::of_consumer;
use crate::config::{Config, Delivery};
use crate::kafka::admin::Settings;

/// The most bytes of a commit's metadata.
const METADATA: u64 = 4096;

/// Judges the settings of a broker.
pub(super) fn judge(config: &Config, broker: &Settings) -> Vec<Check> {
    let value = |name: &str| broker.get(name).map(|setting| setting.value.as_str());
    let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
    let of_group = |name: &str| of_consumer(&config.kafka, name).map(|(_, value)| value);
    let brokers = about("brokers");
    let mut checks = Vec::new();
    let by_broker = of_group("group.protocol") == Some("consumer");
    let protocols = value("group.coordinator.rebalance.protocols");
    if by_broker && !protocols.is_some_and(|known| known.split(',').any(|one| one.trim() == "consumer")) {
        checks.push(brokers.unfit(
            format!(
                "`group.protocol` = \"consumer\" in `[kafka]`, but the brokers offer {}",
                protocols.unwrap_or("only the classic protocol")
            ),
            "use brokers of 4.0 or later, or remove `group.protocol`",
        ));
    }
    let session = of_group("session.timeout.ms").and_then(|value| value.parse::<u64>().ok());
    let bounds = (
        number("group.min.session.timeout.ms").unwrap_or(0),
        number("group.max.session.timeout.ms").unwrap_or(u64::MAX),
    );
    if let Some(session) = session.filter(|session| !(bounds.0..=bounds.1).contains(session)) {
        checks.push(brokers.unfit(
            format!(
                "`session.timeout.ms` is {session} in `[kafka]`, the brokers allow {} to {}",
                bounds.0, bounds.1
            ),
            "set it within these limits",
        ));
    }
    let keeps_more = config.commit_ahead || config.delivery == Delivery::ExactlyOnce;
    if let Some(room) = number("offset.metadata.max.bytes").filter(|room| keeps_more && *room < METADATA) {
        checks.push(brokers.unfit(
            format!("`offset.metadata.max.bytes` is {room}: the metadata of commits needs {METADATA}"),
            format!("set it to {METADATA}, the default, on the brokers"),
        ));
    }
    let longest = number("transaction.max.timeout.ms");
    let wanted = u64::try_from(config.exactly_once.timeout.as_millis()).unwrap_or(u64::MAX);
    if let Some(longest) =
        longest.filter(|longest| config.delivery == Delivery::ExactlyOnce && wanted > *longest)
    {
        checks.push(brokers.unfit(
            format!(
                "`exactly_once.timeout` is {wanted} ms, the brokers' `transaction.max.timeout.ms` {longest}"
            ),
            "lower it, or raise theirs",
        ));
    }
    if checks.is_empty() {
        checks.push(brokers.fit(format!("{}, {}", version(broker), offered(protocols))));
    }
    checks
}

/// The version, as far as the settings show it: only brokers before 4.0 have `inter.broker.protocol.version`.
fn version(broker: &Settings) -> String {
    match broker.get("inter.broker.protocol.version") {
        None => "Kafka 4.0 or later".to_owned(),
        Some(setting) => format!("Kafka {}", setting.value),
    }
}

fn offered(protocols: Option<&str>) -> String {
    let protocols = protocols.unwrap_or("classic").replace(',', ", ");
    format!("group protocols: {protocols}")
}
