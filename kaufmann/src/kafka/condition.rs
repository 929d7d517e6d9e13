//! What `doctor` asks of a cluster: its brokers as they call themselves, how partitions are, what we may do.

use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::BaseProducer;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::{failed_with, is_unanswered, unreachable, with_patience};
use super::cluster::{Cluster, PATIENCE};
use super::{consumer, explain, producer};
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::kafka::ffi::{self, Operation};

/// The brokers of a cluster and the topics that we may see.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) nodes: Vec<Node>,
    pub(crate) topics: BTreeMap<String, Vec<PartitionCondition>>,
}

/// A broker as the cluster tells clients to reach it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) id: i32,
    /// `host:port`, as `advertised.listeners` has it.
    pub(crate) address: String,
}

/// How a partition is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PartitionCondition {
    pub(crate) partition: i32,
    pub(crate) has_leader: bool,
    pub(crate) replicas: usize,
    pub(crate) in_sync: usize,
}

/// What we may do with a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// These operations; nothing if the broker does not tell.
    Allowed(Option<Vec<Operation>>),
    /// There is no such topic.
    Missing,
    /// Not even see whether it is there.
    Hidden,
    /// The broker has another trouble with it.
    Failed(String),
}

impl Cluster {
    /// The brokers, and the topics that we may see.
    pub(crate) fn condition(&self) -> Result<Condition, Error> {
        let metadata = with_patience(&self.client, |client| client.fetch_metadata(None, PATIENCE))
            .map_err(|error| self.failed("the topics could not be listed", &error))?;
        let nodes = metadata.brokers().iter().map(|broker| Node {
            id: broker.id(),
            address: address(broker.host(), broker.port()),
        });
        let mut nodes: Vec<_> = nodes.collect();
        nodes.sort_by_key(|node| node.id);
        let topics = metadata.topics().iter().map(|topic| {
            let partitions = topic.partitions().iter().map(|partition| PartitionCondition {
                partition: partition.id(),
                has_leader: partition.leader() >= 0,
                replicas: partition.replicas().len(),
                in_sync: partition.isr().len(),
            });
            (topic.name().to_owned(), partitions.collect())
        });
        Ok(Condition {
            nodes,
            topics: topics.collect(),
        })
    }

    /// The brokers that could not be reached where they say they are, as far as that was met until now. Metadata may be lost to them:
    /// the client leaves the broker that it asked first as soon as the cluster has told it where the others are.
    pub(crate) fn unreachable(&self) -> Vec<Node> {
        let nodes = unreachable(&self.client).into_iter();
        nodes.map(|(id, address)| Node { id, address }).collect()
    }

    /// What we may do with each of these topics.
    pub(crate) fn access(&self, topics: &[&str]) -> Result<BTreeMap<String, Access>, Error> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let told = ffi::topic_rights(self.client.client(), topics, PATIENCE);
        let told = told.map_err(|(code, text)| match code {
            // They have just answered other questions.
            _ if is_unanswered(code) => {
                let text = "the brokers do not answer what we may do with topics";
                Error::new(ErrorKind::Start, text)
            }
            _ => self.refused("the rights could not be asked for", code, &text),
        })?;
        let access = told.into_iter().map(|rights| {
            let access = match rights.operations {
                Ok(operations) => Access::Allowed(operations),
                Err(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Access::Missing,
                Err(Code::TopicAuthorizationFailed) => Access::Hidden,
                Err(other) => Access::Failed(other.to_string()),
            };
            (rights.topic, access)
        });
        Ok(access.collect())
    }

    pub(super) fn refused(&self, what: &str, code: Code, text: &str) -> Error {
        failed_with(
            None,
            &self.config,
            what,
            code,
            &format!("{code}: {}", text.trim()),
        )
    }
}

/// Makes the clients of a service and drops them again: whether librdkafka takes their settings. Nothing is connected for it.
///
/// # Errors
///
/// What is wrong with which setting, and what to do about it.
pub(crate) fn try_settings(config: &Config) -> Result<(), String> {
    let refused = |error| explain::creation(&error);
    consumer(config)?.create::<BaseConsumer>().map_err(refused)?;
    producer(config)?.create::<BaseProducer>().map_err(refused)?;
    Ok(())
}

/// The version of librdkafka that is built in, such as `2.12.1`.
pub(crate) fn client_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}

fn address(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
