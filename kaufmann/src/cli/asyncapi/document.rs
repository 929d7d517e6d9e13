//! The document: servers, channels, operations. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::messages::{self, BINDING, LETTER, RETRY};
use super::routes::{self, Channel, Receive};
use crate::cli::catalog;
use crate::config::declared::{Declared, declared};
use crate::config::{Config, without_credentials};
use crate::engine::runtime::published;
use crate::handler::Service;
use crate::handler::event::EventInfo;

/// The document of a service as it is configured.
pub(super) fn document<V: Service>(config: &Config) -> Value {
    let published = published::<V>(config.on_failure);
    let receives = routes::receives(config, V::HANDLERS);
    let channels = routes::channels(config, &receives, &published);
    let declared = declared(config).unwrap_or_default();
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": info::<V>(),
        "defaultContentType": "application/avro",
    });
    if !config.brokers.is_empty() {
        document["servers"] = servers(config);
    }
    document["channels"] = object(
        channels
            .iter()
            .map(|(topic, channel)| (id(topic), self::channel(topic, channel, declared.get(topic)))),
    );
    document["operations"] = object(
        receives
            .iter()
            .map(|receive| self::receive(config, &receives, *receive))
            .chain(published.iter().filter_map(|info| send(config, info)))
            .chain(
                channels
                    .iter()
                    .filter(|(_, channel)| channel.dead_letters)
                    .map(|(topic, _)| dead_letters(topic)),
            )
            .chain(channels.iter().flat_map(|(topic, channel)| {
                let delay = channel.delay.into_iter();
                delay.flat_map(|delay| retries(config, topic, delay))
            })),
    );
    document["components"] = json!({ "messages": all_messages::<V>(config, &published, &channels) });
    document
}

fn info<V: Service>() -> Value {
    let version = if V::VERSION.is_empty() {
        "0.0.0"
    } else {
        V::VERSION
    };
    let mut info = json!({ "title": V::NAME, "version": version });
    let about: Vec<&str> = V::ABOUT.lines().map(str::trim).collect();
    let about = about.join("\n").trim().to_owned();
    if !about.is_empty() {
        info["description"] = json!(about);
    }
    info
}

/// A server for each broker that is configured.
fn servers(config: &Config) -> Value {
    let is_secure = config
        .kafka
        .get("security.protocol")
        .is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("ssl"));
    let mut binding = json!({ "bindingVersion": BINDING });
    if let Some(url) = config.registry.url.first() {
        binding["schemaRegistryUrl"] = json!(without_credentials(url));
        binding["schemaRegistryVendor"] = json!("confluent");
    }
    object(config.brokers.iter().enumerate().map(|(index, broker)| {
        let server = json!({
            "host": broker,
            "protocol": if is_secure { "kafka-secure" } else { "kafka" },
            "bindings": { "kafka": binding },
        });
        (format!("broker-{}", index + 1), server)
    }))
}

fn channel(topic: &str, channel: &Channel, declared: Option<&Declared>) -> Value {
    let dead_letters = channel.dead_letters.then_some(LETTER);
    let retries = channel.delay.map(|_| RETRY);
    let names = channel.events.iter().copied().chain(dead_letters).chain(retries);
    let messages = object(names.map(|name| {
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        (name.to_owned(), reference)
    }));
    if topic.starts_with('^') {
        // Which topics match is known only to the brokers.
        return json!({
            "address": null,
            "description": format!("the topics whose names match `{topic}`"),
            "messages": messages,
        });
    }
    let mut binding = json!({ "topic": topic, "bindingVersion": BINDING });
    if let Some(declared) = declared {
        binding
            .as_object_mut()
            .into_iter()
            .for_each(|binding| binding.extend(topic_settings(declared)));
    }
    json!({ "address": topic, "messages": messages, "bindings": { "kafka": binding } })
}

/// A topic's settings from its declaration.
fn topic_settings(declared: &Declared) -> Map<String, Value> {
    let mut found = Map::new();
    if let Some(partitions) = declared.partitions {
        found.insert("partitions".to_owned(), json!(partitions));
    }
    if let Some(replication) = declared.replication {
        found.insert("replicas".to_owned(), json!(replication));
    }
    let settings = declared.settings.iter().map(|(name, value)| {
        let value = match (name.as_str(), value.parse::<i64>()) {
            ("cleanup.policy", _) => json!(value.split(',').map(str::trim).collect::<Vec<_>>()),
            (_, Ok(number)) => json!(number),
            (_, Err(_)) => json!(value),
        };
        (name.clone(), value)
    });
    let settings: Map<String, Value> = settings.collect();
    if !settings.is_empty() {
        found.insert("topicConfiguration".to_owned(), Value::Object(settings));
    }
    found
}

/// The operation in which a handler reads a topic.
fn receive(config: &Config, all: &[Receive<'_>], receive: Receive<'_>) -> (String, Value) {
    let Receive { handler, topic } = receive;
    let mut name = handler.path.replace("::", ".");
    let is_one_of_several = all
        .iter()
        .filter(|other| other.handler.path == handler.path)
        .count()
        > 1;
    if is_one_of_several {
        name = format!("{name}.{}", id(topic));
    }
    let mut operation = json!({ "action": "receive", "channel": reference(topic) });
    let mut notes = Vec::new();
    match handler.event {
        Some(info) => operation["messages"] = json!([message(topic, info.name)]),
        None => notes.push("handles every record that no other handler takes".to_owned()),
    }
    if !handler.returns.is_empty() {
        let names: Vec<String> = handler
            .returns
            .iter()
            .map(|info| format!("`{}`", info.name))
            .collect();
        notes.push(format!("may publish {}", names.join(", ")));
    }
    if let Some(size) = handler.limits.batch {
        notes.push(format!("handles up to {size} records at once"));
    }
    if !notes.is_empty() {
        operation["description"] = json!(notes.join("; "));
    }
    add_group(config, &mut operation);
    (name, operation)
}

/// Adds the group that reads.
fn add_group(config: &Config, operation: &mut Value) {
    if !config.group.is_empty() {
        operation["bindings"] = json!({
            "kafka": {
                "groupId": { "type": "string", "enum": [config.group] },
                "bindingVersion": BINDING,
            },
        });
    }
}

/// The operations of a retry topic: records are written to it, and read when they are due.
fn retries(config: &Config, topic: &str, delay: Duration) -> [(String, Value); 2] {
    let messages = json!([message(topic, RETRY)]);
    let delay = humantime::format_duration(delay);
    let send = json!({
        "action": "send",
        "channel": reference(topic),
        "messages": messages,
        "description": format!("moves a record whose attempts are used up to this retry topic, for {delay}"),
    });
    let mut receive = json!({
        "action": "receive",
        "channel": reference(topic),
        "messages": messages,
        "description": format!("handles each record again, {delay} after it was moved here"),
    });
    add_group(config, &mut receive);
    [
        (format!("{RETRY}.send.{}", id(topic)), send),
        (format!("{RETRY}.receive.{}", id(topic)), receive),
    ]
}

/// The operation that publishes an event. `None` if no topic is set for it.
fn send(config: &Config, info: &EventInfo) -> Option<(String, Value)> {
    let topic = config.publish.topic_of(info.name, info.topic)?;
    let operation = json!({
        "action": "send",
        "channel": reference(topic),
        "messages": [message(topic, info.name)],
    });
    Some((format!("publish.{}", info.name), operation))
}

fn dead_letters(topic: &str) -> (String, Value) {
    let operation = json!({
        "action": "send",
        "channel": reference(topic),
        "messages": [message(topic, LETTER)],
    });
    (LETTER.to_owned(), operation)
}

fn all_messages<V: Service>(
    config: &Config,
    published: &[&'static EventInfo],
    channels: &BTreeMap<String, Channel>,
) -> Value {
    let mut infos = catalog::events::<V>();
    for info in published {
        if !infos.iter().any(|known| known.name == info.name) {
            infos.push(info);
        }
    }
    let events = infos.into_iter().map(|info| {
        let is_published = published.iter().any(|other| other.name == info.name);
        (
            info.name.to_owned(),
            messages::event(info, config.registry.subject, is_published),
        )
    });
    let dead_letters = channels.values().any(|channel| channel.dead_letters);
    let retries = channels.values().any(|channel| channel.delay.is_some());
    let dead_letters = dead_letters.then(|| (LETTER.to_owned(), messages::dead_letter()));
    let retries = retries.then(|| (RETRY.to_owned(), messages::retry()));
    object(events.chain(dead_letters).chain(retries))
}

fn reference(topic: &str) -> Value {
    json!({ "$ref": format!("#/channels/{}", id(topic)) })
}

fn message(topic: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/channels/{}/messages/{name}", id(topic)) })
}

/// A channel's id: the topic's name, whose characters are all valid in a reference; in a pattern, others become `_`.
fn id(topic: &str) -> String {
    topic
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '_',
        })
        .collect()
}

fn object(entries: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.into_iter().collect())
}
