//! Which events are in which topics. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::Config;
use crate::handler::HandlerEntry;
use crate::handler::event::EventInfo;

/// The contents of a topic.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Channel {
    pub(super) events: BTreeSet<&'static str>,
    pub(super) dead_letters: bool,
    /// The delay before records are retried, if it is a retry topic.
    pub(super) delay: Option<Duration>,
}

/// A handler, and a topic from which it gets records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receive<'a> {
    pub(super) handler: &'static HandlerEntry,
    pub(super) topic: &'a str,
}

/// The topics from which a handler may get records: its event's own topic, if that is consumed; else all, because
/// records are distinguished by their schemas, not by their topics.
pub(super) fn receives<'a>(config: &'a Config, handlers: &'static [HandlerEntry]) -> Vec<Receive<'a>> {
    let mut found = Vec::new();
    for handler in handlers.iter().filter(|handler| !handler.tombstone) {
        let own = handler
            .event
            .and_then(|info| config.publish.topic_of(info.name, info.topic));
        let own = config.topics.iter().find(|topic| Some(topic.as_str()) == own);
        let topics = match own {
            Some(topic) => std::slice::from_ref(topic),
            None => config.topics.as_slice(),
        };
        found.extend(topics.iter().map(|topic| Receive { handler, topic }));
    }
    found
}

/// All topics with their contents.
pub(super) fn channels(
    config: &Config,
    receives: &[Receive<'_>],
    published: &[&'static EventInfo],
) -> BTreeMap<String, Channel> {
    let mut channels: BTreeMap<String, Channel> = BTreeMap::new();
    for topic in &config.topics {
        channels.entry(topic.clone()).or_default();
    }
    for receive in receives {
        let channel = channels.entry(receive.topic.to_owned()).or_default();
        channel.events.extend(receive.handler.event.map(|info| info.name));
    }
    for info in published {
        if let Some(topic) = config.publish.topic_of(info.name, info.topic) {
            channels
                .entry(topic.to_owned())
                .or_default()
                .events
                .insert(info.name);
        }
    }
    if config.on_failure.writes_dead_letters() && !config.group.is_empty() {
        channels
            .entry(config.dead_letter_topic())
            .or_default()
            .dead_letters = true;
    }
    for (topic, delay) in config.retry_topics() {
        channels.entry(topic).or_default().delay = Some(delay);
    }
    channels
}
