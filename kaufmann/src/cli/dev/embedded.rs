//! The embedded broker and registry, and the settings that they replace.

use std::collections::BTreeSet;

use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::running_dev::without_security;
use crate::config::{Config, RegistryConfig};
use crate::handler::Service;
use crate::handler::event::EventInfo;
use crate::kafka::mock::MockBroker;
use crate::publish::routes::subject;
use crate::schema::registry::server::RegistryServer;
use crate::schema::registry::{EmbeddedRegistry, SchemaRegistry};

/// The partitions of each topic: enough to see parallel handling.
const PARTITIONS: u16 = 4;

/// The embedded broker and registry, until this is dropped.
pub(super) struct Embedded {
    _broker: MockBroker,
    _registry: RegistryServer,
}

impl Embedded {
    /// Starts both, creates the topics, registers the schemas, and points the configuration to them.
    pub(super) async fn start<V: Service>(config: &mut Config) -> Result<Self, Error> {
        let failed = |error: crate::source::SourceError| Error::new(ErrorKind::Start, error.to_string());
        let broker = MockBroker::start(1).map_err(failed)?;
        let registry = EmbeddedRegistry::new();
        let server = RegistryServer::start(registry.clone()).await?;
        config.brokers = vec![broker.bootstrap_servers()];
        config.registry = RegistryConfig {
            url: vec![server.url()],
            register: true,
            ..config.registry.without_security()
        };
        without_security(config);
        for (name, value) in MockBroker::quick() {
            config.kafka.insert(name.to_owned(), value.to_owned());
        }
        if config.topics.is_empty() {
            config.topics = catalog::handled::<V>()
                .filter_map(|info| info.topic)
                .map(str::to_owned)
                .collect();
            config.topics.sort();
            config.topics.dedup();
        }
        if config.topics.is_empty() {
            // The cluster is temporary, so any name will do.
            config.topics = vec![format!("{}.events", config.group)];
        }
        for topic in topics::<V>(config) {
            broker.create_topic(&topic, PARTITIONS).map_err(failed)?;
        }
        register::<V>(config, &registry).await?;
        Ok(Self {
            _broker: broker,
            _registry: server,
        })
    }

    pub(super) fn partitions(&self) -> u16 {
        PARTITIONS
    }
}

/// The topic in which the service receives an event: the event's own topic if that is consumed, else the first consumed
/// topic.
pub(super) fn consumed_topic<V: Service>(config: &Config, info: &EventInfo) -> Result<String, Error> {
    let named = catalog::topic::<V>(config, info)
        .ok()
        .filter(|topic| config.topics.contains(topic));
    named.or_else(|| config.topics.first().cloned()).ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            format!("{} consumes no topic; set `topics`", V::NAME),
        )
    })
}

/// The events that the service receives when it publishes them.
pub(super) fn returning<V: Service>(config: &Config) -> Vec<&'static str> {
    let comes_back = |info: &&EventInfo| {
        catalog::topic::<V>(config, info).is_ok_and(|topic| config.topics.contains(&topic))
    };
    catalog::events::<V>()
        .into_iter()
        .filter(comes_back)
        .map(|info| info.name)
        .collect()
}

fn topics<V: Service>(config: &Config) -> BTreeSet<String> {
    let mut topics: BTreeSet<String> = config.topics.iter().cloned().collect();
    topics.extend(
        catalog::events::<V>()
            .iter()
            .filter_map(|info| catalog::topic::<V>(config, info).ok()),
    );
    topics.insert(config.dead_letter_topic());
    topics.extend(config.retry_topics().into_iter().map(|(name, _)| name));
    topics
}

async fn register<V: Service>(config: &Config, registry: &EmbeddedRegistry) -> Result<(), Error> {
    for info in catalog::events::<V>() {
        let topic = catalog::topic::<V>(config, info).or_else(|_| consumed_topic::<V>(config, info))?;
        let subject = subject(config.registry.subject, &topic, info.full_name);
        registry.register(&subject, info.schema).await.map_err(|error| {
            Error::new(
                ErrorKind::Schema,
                format!("the schema of `{}` was not registered", info.name),
            )
            .caused_by(error)
        })?;
    }
    Ok(())
}
