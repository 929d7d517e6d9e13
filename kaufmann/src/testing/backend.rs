//! The backend of a test: memory, or the cluster that `KAUFMANN_TEST_BROKERS` names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime::{self, Runtime};
use tokio::time::Instant;

use super::BROKERS;
use super::cluster::Cluster;
use crate::config::Config;
use crate::engine::runtime::Builder;
use crate::engine::simulation::Simulation;
use crate::handler::Service;
use crate::publish::{MemoryPublisher, Message, Publisher};
use crate::schema::registry::{EmbeddedRegistry, SchemaRegistry};
use crate::source::{MemoryFeed, MemoryRecord, memory};

/// The beginning of virtual time: 2026-01-01T00:00:00Z.
const EPOCH: i64 = 1_767_225_600_000;

/// The source of records and the target of messages.
pub(super) enum Backend {
    Memory(Memory),
    Cluster(Box<Cluster>),
}

/// Records and messages in memory.
pub(super) struct Memory {
    feed: MemoryFeed,
    registry: Arc<EmbeddedRegistry>,
    publisher: Arc<MemoryPublisher>,
    /// The topics with records, which are assigned to the service.
    assigned: BTreeSet<String>,
    /// When the first service was started.
    began: Option<Instant>,
}

impl Backend {
    /// Creates the backend that the environment selects, and a runtime for it.
    pub(super) fn choose<V: Service>(config: &mut Config) -> Result<(Self, Runtime), String> {
        let failed = |error: std::io::Error| format!("the runtime cannot be created: {error}");
        match std::env::var(BROKERS) {
            Ok(brokers) if !brokers.is_empty() => {
                let runtime = runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .map_err(failed)?;
                let cluster = runtime.block_on(Cluster::connect::<V>(&brokers, config))?;
                Ok((Self::Cluster(Box::new(cluster)), runtime))
            }
            _ => {
                let runtime = runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(failed)?;
                let memory = Memory {
                    feed: memory().1,
                    registry: Arc::default(),
                    publisher: Arc::default(),
                    assigned: BTreeSet::new(),
                    began: None,
                };
                Ok((Self::Memory(memory), runtime))
            }
        }
    }

    pub(super) fn is_real(&self) -> bool {
        !matches!(self, Self::Memory(_))
    }

    pub(super) fn registry(&self) -> Arc<dyn SchemaRegistry> {
        match self {
            Self::Memory(memory) => memory.registry.clone(),
            Self::Cluster(cluster) => cluster.registry(),
        }
    }

    pub(super) fn publisher(&self) -> Arc<dyn Publisher> {
        match self {
            Self::Memory(memory) => memory.publisher.clone(),
            Self::Cluster(cluster) => cluster.publisher(),
        }
    }

    /// The prefix of all topics' names.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Memory(_) => "",
            Self::Cluster(cluster) => cluster.prefix(),
        }
    }

    /// Adds the source, and in memory the simulated clock, to a service. Must be called within the runtime, because it reads its clock.
    pub(super) fn open<V: Service>(&mut self, builder: Builder<V>) -> Result<Builder<V>, String> {
        match self {
            Self::Memory(memory) => {
                let source = memory.feed.another_source();
                let began = *memory.began.get_or_insert_with(Instant::now);
                for topic in &memory.assigned {
                    memory.feed.assign(topic, 0);
                }
                Ok(builder.source(source).simulation(Simulation {
                    shards: 1,
                    hash_seed: 0,
                    others_first: Arc::new(|| false),
                    wall_clock: Some((
                        began.into_std(),
                        UNIX_EPOCH + Duration::from_millis(EPOCH.unsigned_abs()),
                    )),
                }))
            }
            Self::Cluster(cluster) => Ok(builder.source(cluster.source()?)),
        }
    }

    pub(super) fn timestamp(&self) -> i64 {
        match self {
            Self::Memory(memory) => {
                let since = memory.began.map_or(Duration::ZERO, |began| began.elapsed());
                EPOCH + since.as_millis() as i64
            }
            Self::Cluster(cluster) => cluster.timestamp(),
        }
    }

    /// Appends a record, and returns its position: `topic/partition@offset`.
    pub(super) async fn push(&mut self, message: Message) -> Result<String, String> {
        match self {
            Self::Memory(memory) => Ok(memory.push(message)),
            Self::Cluster(cluster) => cluster.push(message).await,
        }
    }

    /// Resets the committed offsets of these topics, while no service runs.
    pub(super) async fn rewind(&mut self, begins: &BTreeMap<String, i64>) -> Result<(), String> {
        match self {
            Self::Memory(memory) => {
                for (topic, offset) in begins {
                    memory.feed.rewind(topic, 0, *offset);
                }
                Ok(())
            }
            Self::Cluster(cluster) => cluster.rewind(begins).await,
        }
    }

    /// Removes everything from the backend.
    pub(super) async fn clear(&mut self) {
        match self {
            Self::Memory(_) => {}
            Self::Cluster(cluster) => cluster.clear().await,
        }
    }
}

impl Memory {
    fn push(&mut self, message: Message) -> String {
        let began = *self.began.get_or_insert_with(Instant::now);
        let mut record = match message.payload {
            Some(payload) => MemoryRecord::new(payload),
            None => MemoryRecord::tombstone(),
        };
        record = record.timestamp(EPOCH + began.elapsed().as_millis() as i64);
        if let Some(key) = message.key {
            record = record.key(key);
        }
        for (name, value) in &message.headers {
            record = record.header(name, value.unwrap_or_default());
        }
        let offset = self.feed.push(&message.topic, 0, record);
        if self.assigned.insert(message.topic.to_string()) {
            self.feed.assign(&message.topic, 0);
        }
        format!("{}/0@{offset}", message.topic)
    }
}
