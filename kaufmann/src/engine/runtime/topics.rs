//! What the service needs of the cluster, looked at when it starts: a topic that is missing should be named before the
//! first record needs it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, warn};

use crate::config::Config;
use crate::handler::event::EventInfo;
use crate::publish::{Outbound, Publisher};

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The topics of a service, each with what it is for. Pure.
pub(super) fn needed(
    config: &Config,
    letters: bool,
    outbound: &Outbound,
    emitted: &[&'static EventInfo],
) -> BTreeMap<String, String> {
    let mut needed = BTreeMap::new();
    if letters {
        needed.insert(config.dead_letter_topic(), "dead letters".to_owned());
    }
    for info in emitted {
        if let Ok(route) = outbound.routes().of(info) {
            needed.insert(route.topic.to_string(), format!("the event `{}`", info.name));
        }
    }
    for (topic, _) in config.retry_topics() {
        needed.insert(topic, "records that are to be tried again".to_owned());
    }
    // Those that begin with `^` are patterns, which may match nothing.
    for topic in config.topics.iter().filter(|topic| !topic.starts_with('^')) {
        needed.insert(topic.clone(), "the records to consume".to_owned());
    }
    needed
}

/// How a missing topic is made: by whoever declares it. Pure.
fn remedy(config: &Config, topic: &str) -> String {
    if crate::config::declared::declared(config).is_ok_and(|declared| declared.contains_key(topic)) {
        return "it is declared, so `topics apply` makes it".to_owned();
    }
    let broker = config.brokers.first().map_or("HOST:PORT", String::as_str);
    format!("kafka-topics.sh --bootstrap-server {broker} --create --topic {topic}")
}

/// Says which topics are missing. It holds nothing up: topics may still come, and what needs them waits for them.
pub(super) fn say_missing(publisher: Arc<dyn Publisher>, config: &Config, needed: BTreeMap<String, String>) {
    let config = config.clone();
    let look = move || {
        let names: Vec<&str> = needed.keys().map(String::as_str).collect();
        match publisher.missing(&names, PATIENCE) {
            Ok(missing) => {
                for topic in missing {
                    let purpose = needed.get(&topic).map_or("", String::as_str);
                    let remedy = remedy(&config, &topic);
                    warn!(
                        topic,
                        "there is no topic `{topic}` for {purpose}, or it may not be seen; what needs it waits: {remedy}"
                    );
                }
            }
            Err(error) => debug!(%error, "the topics could not be looked at"),
        }
    };
    let thread = std::thread::Builder::new()
        .name("kaufmann-topics".into())
        .spawn(look);
    if let Err(error) = thread {
        debug!(%error, "no thread to look at the topics on");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_topic_is_made_by_who_declares_it() {
        let mut config = Config::default();
        config.group.push('g');
        assert_eq!(
            remedy(&config, "t"),
            "kafka-topics.sh --bootstrap-server HOST:PORT --create --topic t"
        );
        config.declare.insert("t".to_owned(), BTreeMap::new());
        assert_eq!(remedy(&config, "t"), "it is declared, so `topics apply` makes it");
        assert_eq!(remedy(&config, "g.dead-letter"), remedy(&config, "t"));
    }
}
