//! The commands' requests to a cluster, in types without rdkafka. Every call blocks; a broker has [`PATIENCE`] to answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::{RDKafkaErrorCode as Code, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Client, client, failed, with_patience};
use super::explain;
use crate::assignment::TopicId;
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::config::topic::is_internal;
use crate::kafka::ffi::{self, Operation};

/// How long a broker may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster, with the offsets of one group.
pub(crate) struct Cluster {
    pub(super) client: Client,
    pub(super) config: Config,
    group: String,
}

/// A partition of a topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TopicPartition {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// A topic of the cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// The number of replicas of the partition with the fewest.
    pub(crate) replication: i32,
}

/// The first offset of a partition's log, and the offset that its next record will have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    /// `Stable`, `Empty`, `Dead` and so on.
    pub(crate) state: String,
    pub(crate) members: Vec<Member>,
    /// The principal's rights on it; `None` if its coordinator does not report them.
    pub(crate) operations: Option<Vec<Operation>>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) host: String,
    pub(crate) partitions: Vec<TopicPartition>,
}

impl Cluster {
    /// The cluster of `config`, with the offsets of its group. Nothing is connected yet.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        Self::with_group(config, &config.group)
    }

    /// Like [`Cluster::new`], with the offsets of another group.
    pub(crate) fn with_group(config: &Config, group: &str) -> Result<Self, Error> {
        let mut config = config.clone();
        group.clone_into(&mut config.group);
        Ok(Self {
            client: client(&config, group)?,
            group: group.to_owned(),
            config,
        })
    }

    /// All topics except Kafka's internal ones.
    pub(crate) fn topics(&self) -> Result<BTreeMap<String, Topic>, Error> {
        let metadata = with_patience(&self.client, |client| client.fetch_metadata(None, PATIENCE))
            .map_err(|error| self.failed("the topics could not be listed", &error))?;
        let topics = metadata
            .topics()
            .iter()
            .filter(|topic| !is_internal(topic.name()));
        Ok(topics
            .map(|topic| (topic.name().to_owned(), plain(topic)))
            .collect())
    }

    /// A topic; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If no broker answers, or the principal may not see it.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Topic>, Error> {
        let what = format!("topic `{name}` could not be looked up");
        let metadata = with_patience(&self.client, |client| client.fetch_metadata(Some(name), PATIENCE))
            .map_err(|error| self.failed(&what, &error))?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
            return Ok(None);
        };
        match topic.error() {
            None => Ok(Some(plain(topic))),
            Some(
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            ) => Ok(None),
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) => Err(Error::new(
                ErrorKind::Start,
                explain::topic_not_allowed(name, "Describe"),
            )),
            Some(other) => Err(Error::new(
                ErrorKind::Start,
                format!("{what}: {}", Code::from(other)),
            )),
        }
    }

    /// A topic that must exist.
    pub(crate) fn topic(&self, name: &str) -> Result<Topic, Error> {
        self.find(name)?
            .ok_or_else(|| Error::new(ErrorKind::Start, explain::unknown_topic(&self.config, name)))
    }

    /// The id of a topic; `None` if the brokers give topics no ids.
    pub(crate) fn topic_id(&self, name: &str) -> Result<Option<TopicId>, Error> {
        let failed = |(code, text): (Code, String)| {
            let what = format!("the id of topic `{name}` could not be read: {text} ({code})");
            Error::new(ErrorKind::Start, what)
        };
        let ids = ffi::topic_ids(self.client.client(), &[name], PATIENCE).map_err(failed)?;
        let own = ids.into_iter().next().map(|(_, id)| id);
        own.unwrap_or(Ok(None)).map_err(failed)
    }

    /// The bounds of a partition's log.
    pub(crate) fn bounds(&self, partition: &TopicPartition) -> Result<Bounds, Error> {
        let ask = |client: &Client| client.fetch_watermarks(&partition.topic, partition.partition, PATIENCE);
        let (start, end) =
            with_patience(&self.client, ask).map_err(|error| match error.rdkafka_error_code() {
                Some(Code::TopicAuthorizationFailed) => Error::new(
                    ErrorKind::Start,
                    explain::topic_not_allowed(&partition.topic, "Describe"),
                ),
                _ => self.failed(&format!("the offsets of {partition} could not be read"), &error),
            })?;
        Ok(Bounds { start, end })
    }

    /// The group's committed offsets, of the partitions that have one.
    pub(crate) fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let known = self.committed_with_metadata(partitions)?;
        Ok(known
            .into_iter()
            .map(|(partition, (offset, _))| (partition, offset))
            .collect())
    }

    /// Like [`Cluster::committed`], with the metadata of the commits.
    pub(crate) fn committed_with_metadata(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, (i64, String)>, Error> {
        let asked = list(partitions, |_| Offset::Invalid)?;
        let ask = || {
            with_patience(&self.client, |client| {
                client.committed_offsets(asked.clone(), PATIENCE)
            })
        };
        let code = |error: &KafkaError| error.rdkafka_error_code().unwrap_or(Code::Fail);
        let answer = coordinated(ask, code).map_err(|error| {
            self.failed(
                &format!("the offsets of group `{}` could not be read", self.group),
                &error,
            )
        })?;
        let elements = answer.elements();
        let known = elements.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => {
                let partition = TopicPartition::new(element.topic(), element.partition());
                Some((partition, (offset, element.metadata().to_owned())))
            }
            _ => None,
        });
        Ok(known.collect())
    }

    /// Commits offsets for the group, with their metadata. The group must have no members.
    pub(crate) fn commit(&self, offsets: &[(TopicPartition, i64, Option<String>)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        let refused = |error: KafkaError| match error.rdkafka_error_code() {
            Some(Code::UnknownMemberId | Code::IllegalGeneration) => Error::new(
                ErrorKind::Start,
                format!(
                    "group `{}` has members, so its offsets cannot be set; stop them first",
                    self.group
                ),
            ),
            _ => self.failed(
                &format!("the offsets of group `{}` could not be committed", self.group),
                &error,
            ),
        };
        for (partition, offset, metadata) in offsets {
            let mut element = list.add_partition(&partition.topic, partition.partition);
            element.set_offset(Offset::Offset(*offset)).map_err(refused)?;
            if let Some(metadata) = metadata {
                element.set_metadata(metadata);
            }
        }
        let committed = self.client.commit(&list, CommitMode::Sync);
        if let Err(error) = &committed
            && error.rdkafka_error_code() == Some(Code::WaitingForCoordinator)
        {
            // A describe request fails with the missing right, if that is the reason.
            self.group()?;
        }
        committed.map_err(refused)
    }

    /// The group and its members; `None` if the brokers do not support the request, like those of `dev`.
    pub(crate) fn group(&self) -> Result<Option<Group>, Error> {
        let described = match self.describe() {
            Ok(described) => described,
            // What brokers since 4.0 answer for a group that does not exist yet.
            Err((Code::GroupIdNotFound, _)) => {
                return Ok(Some(Group {
                    state: "Dead".to_owned(),
                    members: Vec::new(),
                    operations: None,
                }));
            }
            Err((Code::UnsupportedFeature | Code::UnsupportedVersion, _)) => return Ok(None),
            Err((code, text)) => {
                let what = format!("group `{}` could not be looked up", self.group);
                return Err(self.refused(&what, code, &text));
            }
        };
        let member = |member: ffi::MemberDescription| Member {
            id: member.id,
            client: member.client,
            host: member.host,
            partitions: member
                .partitions
                .into_iter()
                .map(|(topic, partition)| TopicPartition { topic, partition })
                .collect(),
        };
        Ok(Some(Group {
            state: described.state,
            members: described.members.into_iter().map(member).collect(),
            operations: described.operations,
        }))
    }

    fn describe(&self) -> Result<ffi::GroupDescription, (Code, String)> {
        let ask = || ffi::describe_group(self.client.client(), &self.group, PATIENCE);
        coordinated(ask, |(code, _)| *code)
    }

    /// The first offset in each partition whose record has this time or a later one; the log's end if there is no such record.
    pub(crate) fn offsets_at(
        &self,
        partitions: &[TopicPartition],
        time: SystemTime,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        let answer = self
            .client
            .offsets_for_times(list(partitions, |_| Offset::Offset(millis))?, PATIENCE)
            .map_err(|error| self.failed("the offsets at a time could not be read", &error))?;
        let mut offsets = BTreeMap::new();
        for element in answer.elements() {
            let partition = TopicPartition::new(element.topic(), element.partition());
            let offset = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => self.bounds(&partition)?.end,
            };
            offsets.insert(partition, offset);
        }
        Ok(offsets)
    }

    pub(super) fn failed(&self, what: &str, error: &KafkaError) -> Error {
        failed(&self.client, &self.config, what, error)
    }
}

impl TopicPartition {
    pub(crate) fn new(topic: &str, partition: i32) -> Self {
        Self {
            topic: topic.to_owned(),
            partition,
        }
    }
}

/// `partition 3 of topic `orders``
impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partition {} of topic `{}`", self.partition, self.topic)
    }
}

impl Topic {
    /// Its partitions.
    pub(crate) fn topic_partitions(&self) -> impl Iterator<Item = TopicPartition> {
        (0..self.partitions).map(|partition| TopicPartition::new(&self.name, partition))
    }
}

/// Makes a request to a coordinator, again while there is none: a broker that has just created the topic of the groups' offsets
/// takes a moment to become one.
fn coordinated<T, E>(mut ask: impl FnMut() -> Result<T, E>, code: impl Fn(&E) -> Code) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        let passes = matches!(
            answer.as_ref().map_err(&code),
            Err(Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress | Code::NotCoordinator)
        );
        if !passes || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn plain(topic: &MetadataTopic) -> Topic {
    let replicas = topic
        .partitions()
        .iter()
        .map(|partition| partition.replicas().len());
    Topic {
        name: topic.name().to_owned(),
        partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
        replication: i32::try_from(replicas.min().unwrap_or(0)).unwrap_or(i32::MAX),
    }
}

/// A list for one call.
pub(super) fn list(
    partitions: &[TopicPartition],
    offset: impl Fn(&TopicPartition) -> Offset,
) -> Result<TopicPartitionList, Error> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(&partition.topic, partition.partition, offset(partition))
            .map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    format!("invalid offset of {partition}: {error}"),
                )
            })?;
    }
    Ok(list)
}
