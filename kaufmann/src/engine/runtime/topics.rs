//! Which topics a service needs, checked when it starts: a missing topic is reported before the first record needs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, warn};

use super::published;
use crate::config::{Config, OnFailure};
use crate::handler::Service;
use crate::publish::{Outbound, Publisher};

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the topics of a service, each with its purpose.
pub(super) fn of_service<V: Service>(config: &Config, outbound: &Outbound) -> BTreeMap<String, String> {
    let own = V::HANDLERS.iter().filter_map(|entry| entry.limits.on_failure);
    let mut needed = BTreeMap::new();
    if own.chain([config.on_failure]).any(OnFailure::writes_dead_letters) {
        needed.insert(config.dead_letter_topic(), "dead letters".to_owned());
    }
    for info in published::<V>(config.on_failure) {
        if let Ok(route) = outbound.routes().of(info) {
            needed.insert(route.topic.to_string(), format!("the event `{}`", info.name));
        }
    }
    for (topic, _) in config.retry_topics() {
        needed.insert(topic, "records to retry".to_owned());
    }
    // A topic that begins with `^` is a pattern, which may match nothing.
    for topic in config.topics.iter().filter(|topic| !topic.starts_with('^')) {
        needed.insert(topic.clone(), "the records to consume".to_owned());
    }
    needed
}

/// Returns how to create a missing topic: with `topics apply` if it is declared, else with Kafka's tool.
fn remedy(config: &Config, topic: &str) -> String {
    if crate::config::declared::declared(config).is_ok_and(|declared| declared.contains_key(topic)) {
        return "it is declared, so `topics apply` creates it".to_owned();
    }
    let broker = config.brokers.first().map_or("HOST:PORT", String::as_str);
    format!("kafka-topics.sh --bootstrap-server {broker} --create --topic {topic}")
}

/// Logs which topics are missing, from a thread of its own: the start does not wait for it. Records that need a missing topic wait until it
/// is created.
pub(super) fn warn_of_missing(
    publisher: Arc<dyn Publisher>,
    config: &Config,
    needed: BTreeMap<String, String>,
) {
    let config = config.clone();
    let check = move || {
        let names: Vec<&str> = needed.keys().map(String::as_str).collect();
        match publisher.missing(&names, PATIENCE) {
            Ok(missing) => {
                for topic in missing {
                    let purpose = needed.get(&topic).map_or("", String::as_str);
                    let remedy = remedy(&config, &topic);
                    warn!(
                        topic,
                        "there is no topic `{topic}` for {purpose}, or this service may not see it; records that need it wait: {remedy}"
                    );
                }
            }
            Err(error) => debug!(%error, "the topics could not be checked"),
        }
    };
    let thread = std::thread::Builder::new()
        .name("kaufmann-topics".into())
        .spawn(check);
    if let Err(error) = thread {
        debug!(%error, "the thread that checks the topics could not be started");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_created_by_topics_apply_if_it_is_declared() {
        let mut config = Config::default();
        config.group.push('g');
        assert_eq!(
            remedy(&config, "t"),
            "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic t"
        );
        config.declare.insert("t".to_owned(), BTreeMap::new());
        assert_eq!(
            remedy(&config, "t"),
            "it is declared, so `topics apply` creates it"
        );
        assert_eq!(remedy(&config, "g.dead-letter"), remedy(&config, "t"));
    }
}
