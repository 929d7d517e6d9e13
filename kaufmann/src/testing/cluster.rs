//! A real cluster: creates topics and a group for one test, and removes them at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::envelope::with_header;
use crate::config::{Config, Delivery};
use crate::handler::{Service, emitted};
use crate::kafka;
use crate::publish::error_event::ERROR;
use crate::publish::{KafkaPublisher, Message, Publisher, Undelivered};
use crate::record::names::CALLBACK;
use crate::schema::registry::{EmbeddedRegistry, SchemaRegistry};
use crate::source::KafkaSource;

/// The variable with the registry's URL. Without it, the test has an embedded one.
#[cfg(feature = "registry")]
const REGISTRY: &str = "KAUFMANN_TEST_REGISTRY_URL";
/// The topic for records whose own topic the service does not consume.
const OTHERS: &str = "given";
/// How long to wait for an answer of the cluster.
const PATIENCE: Duration = Duration::from_secs(30);

/// A test's topics, group and clients on a cluster.
pub(super) struct Cluster {
    /// The prefix of the names of its topics and group.
    prefix: String,
    config: Config,
    admin: AdminClient<DefaultClientContext>,
    publisher: Arc<KafkaPublisher>,
    registry: Arc<dyn SchemaRegistry>,
    /// The topics that it has created.
    created: BTreeSet<String>,
    /// By topic: the number of records written to it.
    ends: BTreeMap<String, i64>,
}

impl Cluster {
    /// Connects, creates the topics of a service, and writes their names into its configuration.
    pub(super) async fn connect<V: Service>(brokers: &str, config: &mut Config) -> Result<Self, String> {
        let prefix = format!("kaufmann-test-{}.", Uuid::now_v7().simple());
        config.brokers = brokers
            .split(',')
            .map(|broker| broker.trim().to_owned())
            .collect();
        add_prefix::<V>(&prefix, config);
        // The test itself writes without transactions.
        if config.delivery == Delivery::ExactlyOnce {
            config.delivery = Delivery::AtLeastOnce;
        }
        let text =
            |error: &dyn std::fmt::Display| format!("the cluster at {brokers} cannot be used: {error}");
        let settings = kafka::producer(config).map_err(|error| text(&error))?;
        let mut cluster = Self {
            admin: settings.create().map_err(|error| text(&error))?,
            publisher: Arc::new(KafkaPublisher::new(config).map_err(|error| text(&error))?),
            registry: registry(config)?,
            config: config.clone(),
            created: BTreeSet::new(),
            ends: BTreeMap::new(),
            prefix,
        };
        let topics = config.topics.iter().chain(config.publish.topics.values());
        let topics = topics.cloned().chain([config.dead_letter_topic()]).collect();
        cluster.create(topics).await?;
        Ok(cluster)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn registry(&self) -> Arc<dyn SchemaRegistry> {
        Arc::clone(&self.registry)
    }

    pub(super) fn publisher(&self) -> Arc<dyn Publisher> {
        self.publisher.clone()
    }

    pub(super) fn source(&self) -> Result<KafkaSource, String> {
        KafkaSource::new(&self.config).map_err(|error| error.to_string())
    }

    /// The timestamp of the next record.
    pub(super) fn timestamp(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.unwrap_or_default().as_millis() as i64
    }

    /// Publishes a record, and returns its position. Only this test writes to its topics, so the offset is the count of its records.
    pub(super) async fn push(&mut self, mut message: Message) -> Result<String, String> {
        let own = format!("{}{}", self.prefix, message.topic);
        let topic = if self.config.topics.contains(&own) {
            own
        } else {
            format!("{}{OTHERS}", self.prefix)
        };
        message.topic = topic.as_str().into();
        if let Some(callback) = message.headers.get(CALLBACK) {
            let callback = format!("{}{}", self.prefix, String::from_utf8_lossy(callback));
            message.headers = with_header(&message.headers, CALLBACK, callback.as_bytes());
            self.create(BTreeSet::from([callback])).await?;
        }
        let (sender, receiver) = oneshot::channel();
        let done = move |result: Result<(), Undelivered>| {
            _ = sender.send(result.map_err(|undelivered| undelivered.error.to_string()));
        };
        if self.publisher.send(message, Box::new(done)).is_err() {
            return Err("the producer's queue is full".to_owned());
        }
        tokio::time::timeout(PATIENCE, receiver)
            .await
            .map_err(|_| format!("a record did not reach `{topic}` within {PATIENCE:?}"))?
            .unwrap_or_else(|_| Err("the producer was closed".to_owned()))?;
        let end = self.ends.entry(topic.clone()).or_insert(0);
        *end += 1;
        Ok(format!("{topic}/0@{}", *end - 1))
    }

    /// Resets the group's committed offsets. The group must be empty.
    pub(super) async fn rewind(&mut self, begins: &BTreeMap<String, i64>) -> Result<(), String> {
        let settings = kafka::consumer(&self.config)?;
        let mut offsets = TopicPartitionList::new();
        for (topic, offset) in begins {
            let placed = offsets.add_partition_offset(topic, 0, Offset::Offset(*offset));
            placed.map_err(|error| error.to_string())?;
        }
        let commit = move || {
            let consumer: BaseConsumer = settings.create().map_err(|error| error.to_string())?;
            consumer.assign(&offsets).map_err(|error| error.to_string())?;
            consumer
                .commit(&offsets, CommitMode::Sync)
                .map_err(|error| format!("the committed offsets cannot be reset: {error}"))
        };
        tokio::task::spawn_blocking(commit)
            .await
            .map_err(|error| error.to_string())?
    }

    /// Removes the topics and the group. Errors are ignored.
    pub(super) async fn clear(&mut self) {
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let topics: Vec<&str> = self.created.iter().map(String::as_str).collect();
        _ = self.admin.delete_topics(&topics, &options).await;
        _ = self.admin.delete_groups(&[&self.config.group], &options).await;
    }

    async fn create(&mut self, topics: BTreeSet<String>) -> Result<(), String> {
        let missing: Vec<_> = topics.difference(&self.created).cloned().collect();
        let new: Vec<_> = missing
            .iter()
            .map(|topic| NewTopic::new(topic, 1, TopicReplication::Fixed(1)))
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let results = self.admin.create_topics(&new, &options).await;
        let brokers = self.config.brokers.join(",");
        for result in
            results.map_err(|error| format!("the cluster at {brokers} cannot create topics: {error}"))?
        {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, error)) => {
                    return Err(format!(
                        "the cluster at {brokers} cannot create the topic `{topic}`: {error}"
                    ));
                }
            }
        }
        self.created.extend(missing);
        Ok(())
    }
}

/// Adds the test's prefix to all topics and the group of a service.
fn add_prefix<V: Service>(prefix: &str, config: &mut Config) {
    let own = |topic: &str| format!("{prefix}{topic}");
    config.dead_letter.topic = Some(own(&config.dead_letter_topic()));
    config.group = own(&config.group);
    let handled = V::HANDLERS
        .iter()
        .filter_map(|entry| entry.event?.topic)
        .map(str::to_owned);
    let consumed: BTreeSet<_> = handled
        .chain(config.topics.drain(..))
        .chain([OTHERS.to_owned()])
        .collect();
    config.topics = consumed.iter().map(|topic| own(topic)).collect();
    for info in emitted::<V>().into_iter().chain([&ERROR]) {
        if let Some(topic) = config.publish.topic_of(info.name, info.topic) {
            let topic = own(topic);
            config.publish.topics.insert(info.name.to_owned(), topic);
        }
    }
    for topic in &mut config.publish.callback_topics {
        *topic = own(topic);
    }
    let orderings = std::mem::take(&mut config.topic_ordering);
    config.topic_ordering = orderings
        .into_iter()
        .map(|(topic, ordering)| (own(&topic), ordering))
        .collect();
}

#[cfg(feature = "registry")]
fn registry(config: &Config) -> Result<Arc<dyn SchemaRegistry>, String> {
    match std::env::var(REGISTRY) {
        Ok(url) if !url.is_empty() => {
            let mut config = config.registry.clone();
            config.url = vec![url];
            let registry =
                crate::schema::registry::RestRegistry::new(&config).map_err(|error| error.to_string())?;
            Ok(Arc::new(registry))
        }
        _ => Ok(Arc::new(EmbeddedRegistry::new())),
    }
}

#[cfg(not(feature = "registry"))]
fn registry(_: &Config) -> Result<Arc<dyn SchemaRegistry>, String> {
    Ok(Arc::new(EmbeddedRegistry::new()))
}
