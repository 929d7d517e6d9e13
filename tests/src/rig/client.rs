//! Topics, records and offsets, by a plain client.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{block_on, wait_until};

const TIMEOUT: Duration = Duration::from_secs(30);

/// An offset by partition.
pub type Offsets = BTreeMap<i32, i64>;

/// A record as it is in the topic.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// The key; `None` is Kafka's null.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is Kafka's null, a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Where it is; when producing, where it shall go, or negative for the partitioner's choice.
    pub partition: i32,
    /// Where in the partition; not read when producing.
    pub offset: i64,
}

impl Record {
    /// A record for partition 0.
    #[must_use]
    pub fn new(key: Option<&str>, value: Option<Vec<u8>>) -> Self {
        Self {
            key: key.map(|key| key.as_bytes().to_vec()),
            value,
            ..Self::default()
        }
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// The value of a header, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The key, as text.
    #[must_use]
    pub fn key_text(&self) -> Option<String> {
        self.key
            .as_deref()
            .map(|key| String::from_utf8_lossy(key).into_owned())
    }
}

/// A transaction that has begun and not ended.
pub struct OpenTransaction(BaseProducer);

impl OpenTransaction {
    /// Commits what is in it.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn commit(self) -> Result<()> {
        Ok(self.0.commit_transaction(TIMEOUT)?)
    }

    /// Takes back what is in it.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn abort(self) -> Result<()> {
        Ok(self.0.abort_transaction(TIMEOUT)?)
    }
}

/// A client of one cluster.
pub struct Client {
    brokers: String,
    // Metadata and watermarks need no group.
    reader: BaseConsumer,
}

impl Client {
    pub(super) fn new(brokers: String) -> Result<Self> {
        let reader = config(&brokers).create()?;
        Ok(Self { brokers, reader })
    }

    pub(super) fn answers(&self) -> bool {
        self.reader
            .fetch_metadata(None, Duration::from_secs(5))
            .is_ok_and(|metadata| !metadata.brokers().is_empty())
    }

    /// Makes a topic with settings such as `("max.message.bytes", "10000000")`.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        // As many replicas as there are brokers, which is the brokers' default.
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let admin = self.admin()?;
        let results = block_on(async { Ok(admin.create_topics([&topic], &options()).await?) })?;
        for result in results {
            if let Err((topic, code)) = result {
                bail!("cannot make the topic {topic}: {code}");
            }
        }
        self.wait_led(name, partitions)
    }

    /// Gives a topic more partitions.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn grow_topic(&self, name: &str, partitions: i32) -> Result<()> {
        let more = NewPartitions::new(name, usize::try_from(partitions)?);
        let admin = self.admin()?;
        let results = block_on(async { Ok(admin.create_partitions([&more], &options()).await?) })?;
        for result in results {
            if let Err((topic, code)) = result {
                bail!("cannot give more partitions to the topic {topic}: {code}");
            }
        }
        self.wait_led(name, partitions)
    }

    /// Sets one of a topic's settings; all others fall back to the broker's.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn configure_topic(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let change = AlterConfig::new(ResourceSpecifier::Topic(name)).set(key, value);
        let admin = self.admin()?;
        let results = block_on(async { Ok(admin.alter_configs([&change], &options()).await?) })?;
        for result in results {
            if let Err((_, code)) = result {
                bail!("cannot set {key} of the topic {name}: {code}");
            }
        }
        Ok(())
    }

    /// Removes a topic, and waits until the broker does not know it any more.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let admin = self.admin()?;
        let results = block_on(async { Ok(admin.delete_topics(&[name], &options()).await?) })?;
        for result in results {
            if let Err((topic, code)) = result {
                bail!("cannot remove the topic {topic}: {code}");
            }
        }
        wait_until(&format!("the topic {name} should be gone"), TIMEOUT, || {
            Ok(self.partitions(name).is_err().then_some(()))
        })
    }

    /// The node that leads a partition.
    ///
    /// # Errors
    ///
    /// If the broker does not know the partition.
    pub fn leader(&self, topic: &str, partition: i32) -> Result<usize> {
        let metadata = self.reader.fetch_metadata(Some(topic), TIMEOUT)?;
        let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
        let found = partitions.find(|found| found.id() == partition);
        Ok(usize::try_from(
            found.context("there is no such partition")?.leader(),
        )?)
    }

    /// How many brokers know each other.
    pub(super) fn brokers_known(&self) -> usize {
        let metadata = self.reader.fetch_metadata(None, Duration::from_secs(5));
        metadata.map_or(0, |metadata| metadata.brokers().len())
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(config(&self.brokers).create()?)
    }

    /// The answer of a change comes when the controller knows of it; the broker knows a moment later.
    fn wait_led(&self, topic: &str, partitions: i32) -> Result<()> {
        wait_until(&format!("the topic {topic} should have leaders"), TIMEOUT, || {
            let led = self.partitions(topic).map_or(0, |ids| ids.len());
            Ok((led == usize::try_from(partitions)?).then_some(()))
        })
    }

    /// Writes records in their order, and waits until the broker has each.
    ///
    /// # Errors
    ///
    /// If one is not delivered.
    pub fn produce(&self, topic: &str, records: &[Record]) -> Result<()> {
        self.produce_packed(topic, records, "none")
    }

    /// The same with a compression, each record in a batch of its own.
    ///
    /// # Errors
    ///
    /// If one is not delivered.
    pub fn produce_packed(&self, topic: &str, records: &[Record], compression: &str) -> Result<()> {
        let producer: FutureProducer = config(&self.brokers)
            .set("message.max.bytes", "20000000")
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("compression.type", compression)
            .create()?;
        block_on(async {
            for record in records {
                let mut message: FutureRecord<'_, [u8], [u8]> =
                    FutureRecord::to(topic).headers(owned_headers(&record.headers));
                message.partition = (record.partition >= 0).then_some(record.partition);
                message.key = record.key.as_deref();
                message.payload = record.value.as_deref();
                producer
                    .send(message, TIMEOUT)
                    .await
                    .map_err(|(error, _)| error)?;
            }
            Ok(())
        })
    }

    /// Writes records in a transaction, which is open until what is returned ends it; its end takes an offset of each partition.
    ///
    /// # Errors
    ///
    /// If one is not delivered.
    pub fn produce_in_transaction(&self, topic: &str, records: &[Record]) -> Result<OpenTransaction> {
        let producer: BaseProducer = config(&self.brokers)
            .set("transactional.id", format!("{topic}-writer"))
            .create()?;
        producer.init_transactions(TIMEOUT)?;
        producer.begin_transaction()?;
        for record in records {
            let mut message: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(topic).headers(owned_headers(&record.headers));
            message.partition = (record.partition >= 0).then_some(record.partition);
            message.key = record.key.as_deref();
            message.payload = record.value.as_deref();
            producer.send(message).map_err(|(error, _)| error)?;
        }
        producer.flush(TIMEOUT)?;
        Ok(OpenTransaction(producer))
    }

    /// The names of all topics.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    pub fn topics(&self) -> Result<Vec<String>> {
        let metadata = self.reader.fetch_metadata(None, TIMEOUT)?;
        Ok(metadata
            .topics()
            .iter()
            .map(|topic| topic.name().to_owned())
            .collect())
    }

    /// Where each partition ends: the offset that its next record will have.
    ///
    /// # Errors
    ///
    /// If the broker does not know the topic.
    pub fn end_offsets(&self, topic: &str) -> Result<Offsets> {
        let mut offsets = Offsets::new();
        for partition in self.partitions(topic)? {
            offsets.insert(
                partition,
                self.reader.fetch_watermarks(topic, partition, TIMEOUT)?.1,
            );
        }
        Ok(offsets)
    }

    /// Deletes the records of a partition that stand before `offset`, as retention does.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = config(&self.brokers).create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        let answer = block_on(async { Ok(admin.delete_records(&list, &options).await?) })?;
        for element in answer.elements() {
            element.error()?;
        }
        Ok(())
    }

    /// What a group has committed; a partition without a commit is left out.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    pub fn committed(&self, group: &str, topic: &str) -> Result<Offsets> {
        let answer = self.ask_committed(group, topic)?;
        let elements = answer.elements();
        let offsets = elements.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        });
        Ok(offsets.collect())
    }

    /// Commits an offset of a partition for a group that has no members.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let consumer: BaseConsumer = config(&self.brokers).set("group.id", group).create()?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        Ok(consumer.commit(&offsets, CommitMode::Sync)?)
    }

    /// Commits the offsets of a group once more, in a transaction that is open until what is returned ends it. The group must be empty.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn commit_in_open_transaction(&self, group: &str, topic: &str) -> Result<OpenTransaction> {
        let producer: BaseProducer = config(&self.brokers)
            .set("transactional.id", format!("{group}-open"))
            .create()?;
        let member: BaseConsumer = config(&self.brokers).set("group.id", group).create()?;
        let offsets = self.ask_committed(group, topic)?;
        producer.init_transactions(TIMEOUT)?;
        producer.begin_transaction()?;
        let metadata = member.group_metadata().context("a consumer without a group")?;
        producer.send_offsets_to_transaction(&offsets, &metadata, TIMEOUT)?;
        Ok(OpenTransaction(producer))
    }

    /// The metadata that a group has committed with its offsets, where there is some.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    pub fn committed_metadata(&self, group: &str, topic: &str) -> Result<Vec<String>> {
        let answer = self.ask_committed(group, topic)?;
        let elements = answer.elements();
        let metadata = elements.iter().map(|element| element.metadata().to_owned());
        Ok(metadata.filter(|metadata| !metadata.is_empty()).collect())
    }

    /// Commits an offset of partition 0 with metadata. The group must be empty.
    ///
    /// # Errors
    ///
    /// If the broker refuses it.
    pub fn commit_with(&self, group: &str, topic: &str, offset: i64, metadata: &str) -> Result<()> {
        let consumer: BaseConsumer = config(&self.brokers).set("group.id", group).create()?;
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(topic, 0);
        element.set_offset(Offset::Offset(offset))?;
        element.set_metadata(metadata);
        Ok(consumer.commit(&list, CommitMode::Sync)?)
    }

    fn ask_committed(&self, group: &str, topic: &str) -> Result<TopicPartitionList> {
        let consumer: BaseConsumer = config(&self.brokers).set("group.id", group).create()?;
        let mut asked = TopicPartitionList::new();
        for partition in self.partitions(topic)? {
            asked.add_partition(topic, partition);
        }
        Ok(consumer.committed_offsets(asked, TIMEOUT)?)
    }

    /// Waits until a group has committed the end of each partition that holds records.
    ///
    /// # Errors
    ///
    /// If it has not at the deadline, with both sides in the message.
    pub fn wait_committed(&self, group: &str, topic: &str, deadline: Duration) -> Result<Offsets> {
        let mut last = String::new();
        wait_until(&format!("{group} should commit all of {topic}"), deadline, || {
            // Each time anew: brokers write a transaction's marks after they have answered its end.
            let ends: Offsets = self
                .end_offsets(topic)?
                .into_iter()
                .filter(|(_, end)| *end > 0)
                .collect();
            // While a broker starts, or makes its own topics, there is no coordinator to ask.
            let committed = self.committed(group, topic);
            last = format!("ends of the partitions: {ends:?}, committed: {committed:?}");
            Ok(committed.ok().filter(|committed| *committed == ends))
        })
        .with_context(|| last)
    }

    /// Waits until a group is stable with this many members, each of which has a partition, or is empty if that many are none.
    ///
    /// # Errors
    ///
    /// If it is not at the deadline.
    pub fn wait_members(&self, group: &str, members: usize, deadline: Duration) -> Result<()> {
        wait_until(
            &format!("{group} should have {members} members at work"),
            deadline,
            || {
                // While there is no coordinator, there is no group.
                Ok(self.is_stable_with(group, members).unwrap_or(false).then_some(()))
            },
        )
    }

    fn is_stable_with(&self, group: &str, members: usize) -> Result<bool> {
        let groups = self.reader.fetch_group_list(Some(group), TIMEOUT)?;
        let state = if members == 0 { "Empty" } else { "Stable" };
        Ok(groups.groups().iter().any(|found| {
            found.name() == group
                && found.state() == state
                && found.members().len() == members
                && found
                    .members()
                    .iter()
                    .all(|member| member.assignment().is_some_and(has_partitions))
        }))
    }

    /// All records of a topic, partition by partition, up to the ends that it has now.
    ///
    /// # Errors
    ///
    /// If the broker does not deliver them.
    pub fn read(&self, topic: &str) -> Result<Vec<Record>> {
        let ends = self.end_offsets(topic)?;
        let consumer: BaseConsumer = config(&self.brokers)
            .set("group.id", "unused")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .create()?;
        let mut from = TopicPartitionList::new();
        for partition in ends.keys() {
            from.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        consumer.assign(&from)?;
        drop(from);

        let mut missing: Offsets = ends.into_iter().filter(|(_, end)| *end > 0).collect();
        let mut records = Vec::new();
        while !missing.is_empty() {
            let message = match consumer
                .poll(TIMEOUT)
                .with_context(|| format!("nothing to read in {topic}"))?
            {
                Ok(message) => message,
                // The marks of transactions take offsets, so the last record need not be the one before the end.
                Err(KafkaError::PartitionEOF(partition)) => {
                    missing.remove(&partition);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if missing
                .get(&message.partition())
                .is_some_and(|end| message.offset() + 1 >= *end)
            {
                missing.remove(&message.partition());
            }
            records.push(Record {
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map(headers).unwrap_or_default(),
                partition: message.partition(),
                offset: message.offset(),
            });
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    fn partitions(&self, topic: &str) -> Result<Vec<i32>> {
        let metadata = self.reader.fetch_metadata(Some(topic), TIMEOUT)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let known = found.filter(|found| found.error().is_none());
        let partitions = known
            .with_context(|| format!("the broker does not know {topic}"))?
            .partitions();
        let led = partitions.iter().filter(|partition| partition.leader() >= 0);
        Ok(led.map(rdkafka::metadata::MetadataPartition::id).collect())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT))
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("allow.auto.create.topics", "false");
    config
}

fn owned_headers(headers: &[(String, Vec<u8>)]) -> OwnedHeaders {
    headers.iter().fold(
        OwnedHeaders::new_with_capacity(headers.len()),
        |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(value),
            })
        },
    )
}

fn headers(headers: &impl Headers) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
        .collect()
}

/// A member's assignment is a version (2 bytes), then the number of topics (4 bytes).
fn has_partitions(assignment: &[u8]) -> bool {
    assignment.get(2..6).is_some_and(|topics| topics != [0; 4])
}
