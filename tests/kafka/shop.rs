//! One scene of the quickstart: topics and a group of its own, and events written byte by byte.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::foreign::schemas;
use kaufmann_tests::rig::{
    Client, Datum, Kafka, Offsets, Record, Rig, Running, Servers, Service, wait_until,
};

/// A deadline for handling, on a slow machine with a debug build.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

/// A slow producer, so that a test can interrupt it.
pub(crate) const SLOW_PRODUCER: [&str; 4] = [
    "--kafka",
    "producer.queue.buffering.max.messages=5",
    "--kafka",
    "producer.linger.ms=20",
];

/// A slow consumer: one batch for each fetch.
const SLOW_CONSUMER: [&str; 4] = [
    "--kafka",
    "consumer.fetch.message.max.bytes=1",
    "--kafka",
    "consumer.queued.min.messages=1",
];

/// The topics and the group of one test.
pub(crate) struct Shop {
    pub(crate) servers: Arc<Servers>,
    /// A client of the broker.
    pub(crate) client: Client,
    pub(crate) brokers: String,
    /// The consumer group, and the prefix of the keys.
    pub(crate) group: String,
    /// The topic that the quickstart consumes.
    pub(crate) topic: String,
    /// The topic of its replies.
    pub(crate) replies: String,
    /// Its dead-letter topic.
    pub(crate) dead_letters: String,
}

impl Shop {
    /// Makes the topics on the shared broker.
    pub(crate) fn open(rig: &Rig, name: &str, partitions: i32) -> Result<Self> {
        let servers = rig.servers()?;
        let shop = Self::plan(&servers, &servers.kafka, name)?;
        shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], partitions)?;
        Ok(shop)
    }

    /// Creates no topic yet.
    pub(crate) fn plan(servers: &Arc<Servers>, kafka: &Kafka, name: &str) -> Result<Self> {
        Ok(Self {
            servers: Arc::clone(servers),
            client: kafka.client()?,
            brokers: kafka.brokers(),
            group: name.to_owned(),
            topic: format!("{name}.shop"),
            replies: format!("{name}.confirmations"),
            dead_letters: format!("{name}.dead-letter"),
        })
    }

    /// Creates topics that accept records of 10 MB.
    pub(crate) fn create_topics(&self, names: &[&String], partitions: i32) -> Result<()> {
        let create = |name| {
            self.client
                .create_topic(name, partitions, &[("max.message.bytes", "10000000")])
        };
        names.iter().try_for_each(|name| create(name))
    }

    /// The quickstart on these topics.
    pub(crate) fn service(&self) -> Service {
        self.service_with_registry(&self.servers.registry.url())
    }

    /// The quickstart on these topics, with another registry.
    pub(crate) fn service_with_registry(&self, registry: &str) -> Service {
        Service::run(&self.brokers, &self.group, &self.topic, registry).with_file(&self.file())
    }

    /// A command of the quickstart on these topics, with its arguments.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Service {
        self.command_with_registry(&self.servers.registry.url(), name, arguments)
    }

    /// The same with another registry.
    pub(crate) fn command_with_registry(&self, registry: &str, name: &str, arguments: &[&str]) -> Service {
        Service::command(name, &self.brokers, &self.group, &self.topic, registry)
            .with_file(&self.file())
            .with_arguments(arguments)
    }

    /// A command as a user of the broker, through the listener with authentication.
    pub(crate) fn as_user(&self, name: &str, kafka: &Kafka, user: &str, password: &str) -> Result<Service> {
        let registry = self.servers.registry.url();
        let login = format!(
            "[kafka]\n\"security.protocol\" = \"sasl_plaintext\"\n\"sasl.mechanism\" = \"PLAIN\"\n\
             \"sasl.username\" = \"{user}\"\n\"sasl.password\" = \"{password}\"\n"
        );
        Ok(
            Service::command(name, &kafka.users()?, &self.group, &self.topic, &registry)
                .with_file(&self.file())
                .with_file(&login),
        )
    }

    /// The JSON output of a command, which must end with this exit code.
    pub(crate) fn json(&self, code: i32, name: &str, arguments: &[&str]) -> Result<serde_json::Value> {
        let output = self
            .command(name, arguments)
            .with_arguments(&["--format", "json"])
            .output()?;
        ensure!(output.code == code, "{name} {arguments:?}: {output:?}");
        serde_json::from_str(&output.stdout).with_context(|| format!("{name} {arguments:?}: {output:?}"))
    }

    /// Starts a slow `replay` of everything, and waits until some of it is done.
    pub(crate) fn begin_replay(&self, arguments: &[&str]) -> Result<Running> {
        let mut replay = self
            .command("replay", &["--from", "beginning"])
            .with_arguments(&SLOW_CONSUMER)
            .with_arguments(arguments)
            .start()?;
        wait_until("some should be done", DEADLINE, || {
            replay.assert_running()?;
            Ok((self.replayed()? > 0).then_some(()))
        })
        .with_context(|| replay.tail())?;
        Ok(replay)
    }

    /// The stored progress of `replay`, in the first partition.
    pub(crate) fn replayed(&self) -> Result<i64> {
        let known = self
            .client
            .committed(&format!("{}.replay", self.group), &self.topic)?;
        Ok(known.get(&0).copied().unwrap_or(0))
    }

    /// Writes a dead letter, without a service that fails.
    pub(crate) fn letter(&self) -> Record {
        let record = Record::new(Some("ada"), Some(vec![9, 9]));
        [
            ("kaufmann-error-class", "undecodable"),
            ("kaufmann-error", "the payload begins with the byte 0x09"),
            ("kaufmann-error-attempts", "1"),
            ("kaufmann-error-time", "2026-01-31T03:14:07Z"),
            ("kaufmann-source-topic", &self.topic),
            ("kaufmann-source-partition", "0"),
            ("kaufmann-source-offset", "0"),
        ]
        .into_iter()
        .fold(record, |record, (name, value)| record.with_header(name, value))
    }

    /// The part of the configuration that has no flag.
    pub(crate) fn file(&self) -> String {
        let replies = &self.replies;
        format!(
            "[registry]\nregister = true\n\n[publish.topics]\n\"shop.order_confirmed\" = \"{replies}\"\n\n"
        )
    }

    /// `shop.order_placed`, keyed by its customer.
    pub(crate) fn placed(&self, customer: &str, sequence: i64) -> Result<Record> {
        self.placed_as(&order_id(customer, sequence), customer, sequence)
    }

    /// The same with an id of its own, which the reply repeats.
    pub(crate) fn placed_as(&self, id: &str, customer: &str, sequence: i64) -> Result<Record> {
        let body = Datum::default()
            .text(id)
            .text(customer)
            .long(1_000 + sequence)
            .long(sequence);
        Ok(Record::new(
            Some(customer),
            Some(self.framed("shop.order_placed", &body)?),
        ))
    }

    /// `shop.order_cancelled`, for a reason, keyed by its customer.
    pub(crate) fn cancelled(&self, customer: &str, reason: &str, sequence: i64) -> Result<Record> {
        let body = Datum::default()
            .text(&order_id(customer, sequence))
            .text(customer)
            .long(1) // the second branch of ["null", "string"]
            .text(reason)
            .long(sequence);
        Ok(Record::new(
            Some(customer),
            Some(self.framed("shop.order_cancelled", &body)?),
        ))
    }

    /// Writes to the consumed topic.
    pub(crate) fn produce(&self, records: &[Record]) -> Result<()> {
        self.client.produce(&self.topic, records)
    }

    /// Waits until the group has committed the ends of the consumed topic.
    pub(crate) fn wait_committed(&self) -> Result<Offsets> {
        self.client.wait_committed(&self.group, &self.topic, DEADLINE)
    }

    /// The ids of the orders that were confirmed, in the replies' order.
    pub(crate) fn confirmed(&self) -> Result<Vec<String>> {
        let replies = self.client.read(&self.replies)?;
        replies
            .iter()
            .map(|reply| {
                Datum::read_text(&mut Datum::unframed(
                    reply.value.as_deref().context("a reply is null")?,
                )?)
            })
            .collect()
    }

    /// The records that could not be decoded.
    pub(crate) fn letters(&self) -> Result<Vec<Record>> {
        self.client.read(&self.dead_letters)
    }

    fn framed(&self, event: &str, body: &Datum) -> Result<Vec<u8>> {
        let schema = std::fs::read_to_string(schemas().join(format!("{event}.avsc")))?;
        let id = self.servers.registry.register(event, &schema)?;
        Ok(body.framed(id))
    }
}

/// The id of the order that [`Shop::placed`] writes.
pub(crate) fn order_id(customer: &str, sequence: i64) -> String {
    format!("{customer}-{sequence}")
}
