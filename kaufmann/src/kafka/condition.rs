//! What `doctor` reads from a cluster: its brokers with their advertised addresses, the state of partitions, the principal's rights.

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

/// The brokers of a cluster, and the topics that the principal may see.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) nodes: Vec<Node>,
    pub(crate) topics: BTreeMap<String, Vec<PartitionCondition>>,
}

/// A broker with its advertised address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) id: i32,
    /// `host:port`, as `advertised.listeners` has it.
    pub(crate) address: String,
}

/// The state of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PartitionCondition {
    pub(crate) partition: i32,
    pub(crate) has_leader: bool,
    pub(crate) replicas: usize,
    pub(crate) in_sync: usize,
}

/// The principal's rights on a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// These operations; `None` if the broker does not report them.
    Allowed(Option<Vec<Operation>>),
    /// The topic does not exist.
    Missing,
    /// Not even the right to see whether it exists.
    Hidden,
    /// Another error.
    Failed(String),
}

impl Cluster {
    /// The brokers, and the topics that the principal may see.
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

    /// The brokers that could not be reached at their advertised addresses so far. Metadata requests may be lost to them: the
    /// client leaves the broker that it asked first as soon as it knows the addresses of the others.
    pub(crate) fn unreachable(&self) -> Vec<Node> {
        let nodes = unreachable(&self.client).into_iter();
        nodes.map(|(id, address)| Node { id, address }).collect()
    }

    /// The principal's rights on each of these topics.
    pub(crate) fn access(&self, topics: &[&str]) -> Result<BTreeMap<String, Access>, Error> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let told = ffi::topic_rights(self.client.client(), topics, PATIENCE);
        let told = told.map_err(|(code, text)| match code {
            // They have just answered other requests.
            _ if is_unanswered(code) => {
                let text = "the brokers do not answer which rights the service's principal has on topics";
                Error::new(ErrorKind::Start, text)
            }
            _ => self.refused("the rights on topics could not be read", code, &text),
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

/// Checks whether librdkafka accepts the settings of a service: creates its clients and drops them. Nothing is connected.
///
/// # Errors
///
/// The setting that is wrong, why, and what to do about it.
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
