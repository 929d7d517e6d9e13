//! librdkafka's properties, from kaufmann's defaults and the table `[kafka]`.

use rdkafka::ClientConfig;

use super::prefetch::Prefetch;
use crate::config::group::{Conflict, conflicts, of_consumer};
use crate::config::{Config, Delivery};

#[cfg(any(test, feature = "cli"))]
mod names;
#[cfg(feature = "cli")]
pub(crate) mod refusals;
mod security;

/// Properties that cannot be set in `[kafka]`, and why.
const REFUSED: [(&str, &str); 14] = [
    ("bootstrap.servers", "the brokers are set by `brokers`"),
    ("metadata.broker.list", "the brokers are set by `brokers`"),
    ("group.id", "the group is set by `group`"),
    ("enable.auto.commit", COMMITS),
    ("auto.commit.enable", COMMITS),
    ("enable.auto.offset.store", COMMITS),
    ("enable.idempotence", DELIVERY),
    ("acks", DELIVERY),
    ("request.required.acks", DELIVERY),
    ("transactional.id", "it is set by `exactly_once.transactional_id`"),
    ("transaction.timeout.ms", "it is set by `exactly_once.timeout`"),
    (
        "delivery.report.only.error",
        "an offset is committed only after the messages of its record are reported as delivered",
    ),
    ("log.queue", "librdkafka's log lines go to `tracing`"),
    ("offset.store.method", COMMITS),
];
const COMMITS: &str = "kaufmann commits an offset itself, only after its record is settled";
const UNCOMMITTED: &str = "cannot be combined with `delivery = \"exactly_once\"`: messages and offsets that a transaction has not committed \
     yet would be read; remove it";
const DELIVERY: &str = "kaufmann always sets `acks=all` and `enable.idempotence=true`; remove it";

/// Properties of consumers only; a producer would warn about them.
const CONSUMER_ONLY: [&str; 24] = [
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "check.crcs",
    "consume.callback.max.messages",
    "coordinator.query.interval.ms",
    "enable.partition.eof",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.instance.id",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "partition.assignment.strategy",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "session.timeout.ms",
];

/// Properties of producers only; a consumer would warn about them.
const PRODUCER_ONLY: [&str; 20] = [
    "batch.num.messages",
    "batch.size",
    "compression.codec",
    "compression.level",
    "compression.type",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "linger.ms",
    "message.send.max.retries",
    "message.timeout.ms",
    "partitioner",
    "produce.offset.report",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queuing.strategy",
    "request.timeout.ms",
    "retries",
    "sticky.partitioning.linger.ms",
];

/// The two sides of a service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Consumer,
    Producer,
}

/// Whether a text of librdkafka means that the build lacks a feature.
pub(crate) fn is_unsupported(text: &str) -> bool {
    text.contains("not supported in this build") || text.contains("Unsupported value")
}

/// A property's name without the prefix of its side.
fn unprefixed(key: &str) -> &str {
    key.strip_prefix("consumer.")
        .or_else(|| key.strip_prefix("producer."))
        .unwrap_or(key)
}

/// Why a property cannot be set; `None` if it can.
fn refused(key: &str) -> Option<&'static str> {
    let name = unprefixed(key);
    REFUSED
        .iter()
        .find(|(refused, _)| *refused == name)
        .map(|(_, why)| *why)
}

/// A consumer's properties.
pub(crate) fn consumer(config: &Config) -> Result<ClientConfig, String> {
    if config.group.is_empty() {
        return Err("no consumer group is configured; set `group`".into());
    }
    if config.topics.is_empty() {
        return Err("no topics are configured; set `topics`".into());
    }
    let mut client = common(config)?;
    client
        .set("group.id", &config.group)
        // A group without a committed offset begins at the beginning: at least once includes existing records.
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "false");
    prefetch(&mut client, config);
    if let Some(Conflict { key, why }) = conflicts(&config.kafka).first() {
        return Err(format!("`{key}` in `[kafka]` {why}"));
    }
    let chosen = chosen(config, Side::Consumer)?;
    let by_broker = chosen
        .iter()
        .any(|(key, value)| *key == "group.protocol" && *value == "consumer");
    if !by_broker {
        // With `group.protocol=consumer` the broker assigns, and librdkafka refuses the property.
        client.set("partition.assignment.strategy", "cooperative-sticky");
    }
    let mut client = with(client, chosen);
    if config.delivery == Delivery::ExactlyOnce && client.get("isolation.level") == Some("read_uncommitted") {
        return Err(format!(
            "`isolation.level` = \"read_uncommitted\" in `[kafka]` {UNCOMMITTED}"
        ));
    }
    if client.get("auto.offset.reset") == Some("none") {
        // The name of this value in Java's clients.
        client.set("auto.offset.reset", "error");
    }
    security::check(&client, config, "consumer.")?;
    Ok(client)
}

/// Sets the bounds of what is prefetched.
fn prefetch(client: &mut ClientConfig, config: &Config) {
    client
        // Each partition has a queue, so both bounds apply to each partition. Ten thousand records are some milliseconds of
        // the fastest handler; more would only cost memory.
        .set("queued.min.messages", "10000")
        // A queue that was full is checked again after 1 ms instead of 1 s.
        .set("fetch.queue.backoff.ms", "1")
        // A broker answers at once when it has records. But a partition whose queue has space again waits for the
        // answer to the current request, which does not include it; so this wait is also a delay.
        .set("fetch.wait.max.ms", "100");
    for (name, value) in Prefetch::properties(config) {
        client.set(name, value);
    }
}

/// A producer's properties.
pub(crate) fn producer(config: &Config) -> Result<ClientConfig, String> {
    let mut client = common(config)?;
    client
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Messages never expire while the broker is unreachable: that would break the order of later ones.
        .set("message.timeout.ms", "0")
        .set("linger.ms", "5")
        // A topic that does not exist is reported after this time instead of 30 s. Its messages come back and are sent again.
        .set("topic.metadata.propagation.max.ms", "5000")
        // Every record that could be read can be written again, for instance as a dead letter. The limits of the topic and the
        // broker apply.
        .set("message.max.bytes", "100000000")
        // The cheapest codec; every broker and client since 0.8.2 supports it.
        .set("compression.type", "lz4")
        // The same partition for a key as in Java's clients, so that both may write to one topic.
        .set("partitioner", "murmur2_random")
        // librdkafka counts delivered messages until all of their batch are reported, while others have their permits already.
        .set(
            "queue.buffering.max.messages",
            config
                .publish
                .max_outstanding
                .saturating_mul(2)
                .clamp(2, 10_000_000)
                .to_string(),
        )
        .set(
            "queue.buffering.max.kbytes",
            (config.max_bytes / 1024).clamp(16 << 10, 2_097_151).to_string(),
        );
    if config.delivery == Delivery::ExactlyOnce {
        client
            .set("transactional.id", transactional_id(config))
            .set(
                "transaction.timeout.ms",
                config.exactly_once.timeout.as_millis().to_string(),
            )
            // A deleted topic cannot be added to a transaction, which is tried forever: only this refresh notices it.
            .set("topic.metadata.refresh.interval.ms", "5000");
    }
    let chosen = chosen(config, Side::Producer)?;
    let client = with(client, chosen);
    security::check(&client, config, "producer.")?;
    Ok(client)
}

/// Properties of group members only.
#[cfg(all(feature = "cli", feature = "registry"))]
const MEMBER_ONLY: [&str; 9] = [
    "group.instance.id",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "partition.assignment.strategy",
    "session.timeout.ms",
    "auto.offset.reset",
];

/// The properties of a consumer that joins no group: it reads metadata, and partitions from given offsets. `group` is the group
/// whose offsets it may read and commit.
#[cfg(all(feature = "cli", feature = "registry"))]
pub(crate) fn reader(config: &Config, group: &str) -> Result<ClientConfig, String> {
    let mut client = common(config)?;
    client
        .set("group.id", if group.is_empty() { "kaufmann" } else { group })
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("allow.auto.create.topics", "false");
    prefetch(&mut client, config);
    let mut chosen = chosen(config, Side::Consumer)?;
    chosen.retain(|(key, _)| !MEMBER_ONLY.contains(key) && *key != "enable.partition.eof");
    let client = with(client, chosen);
    security::check(&client, config, "consumer.")?;
    Ok(client)
}

/// The id that is set, else one from the member's `group.instance.id` if it has one, else a new one.
fn transactional_id(config: &Config) -> String {
    if let Some(id) = &config.exactly_once.transactional_id {
        return id.clone();
    }
    let instance = of_consumer(&config.kafka, "group.instance.id").map(|(_, value)| value.to_owned());
    let own = instance.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    format!("{}-{own}", config.group)
}

fn common(config: &Config) -> Result<ClientConfig, String> {
    if config.brokers.is_empty() {
        return Err("no brokers are configured; set `brokers` to at least one `host:port`".into());
    }
    let mut client = ClientConfig::new();
    client.set_log_level(super::log_level());
    client.set("bootstrap.servers", config.brokers.join(","));
    client.set(
        "client.id",
        if config.group.is_empty() {
            "kaufmann"
        } else {
            &config.group
        },
    );
    Ok(client)
}

/// The properties of `[kafka]` for this side: those without a prefix that it knows, then those with its prefix, which take precedence.
fn chosen(config: &Config, side: Side) -> Result<Vec<(&str, &str)>, String> {
    let (ours, theirs, foreign) = match side {
        Side::Consumer => ("consumer.", "producer.", &PRODUCER_ONLY[..]),
        Side::Producer => ("producer.", "consumer.", &CONSUMER_ONLY[..]),
    };
    let (mut shared, mut own) = (Vec::new(), Vec::new());
    for (key, value) in &config.kafka {
        if let Some(why) = refused(key) {
            return Err(format!("`{key}` cannot be set in `[kafka]`: {why}"));
        }
        if let Some(name) = key.strip_prefix(ours) {
            own.push((name, value.as_str()));
        } else if !key.starts_with(theirs) && !foreign.contains(&key.as_str()) {
            shared.push((key.as_str(), value.as_str()));
        }
    }
    shared.append(&mut own);
    Ok(shared)
}

fn with(mut client: ClientConfig, chosen: Vec<(&str, &str)>) -> ClientConfig {
    for (key, value) in chosen {
        client.set(key, value);
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(kafka: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        config.brokers = vec!["a:1".into(), "b:2".into()];
        config.group = "g".into();
        config.topics = vec!["t".into()];
        config
            .kafka
            .extend(kafka.iter().map(|(key, value)| ((*key).into(), (*value).into())));
        config
    }

    #[test]
    fn a_property_goes_to_the_side_that_knows_it() {
        let config = config(&[
            ("session.timeout.ms", "1"),
            ("linger.ms", "2"),
            ("socket.keepalive.enable", "true"),
            ("producer.client.id", "p"),
            ("consumer.client.id", "c"),
            ("client.id", "both"),
        ]);
        let (consumer, producer) = (consumer(&config).unwrap(), producer(&config).unwrap());
        assert_eq!(
            (
                consumer.get("session.timeout.ms"),
                producer.get("session.timeout.ms")
            ),
            (Some("1"), None)
        );
        assert_eq!(
            (consumer.get("linger.ms"), producer.get("linger.ms")),
            (None, Some("2"))
        );
        assert_eq!(
            consumer.get("socket.keepalive.enable"),
            producer.get("socket.keepalive.enable")
        );
        assert_eq!(
            (consumer.get("client.id"), producer.get("client.id")),
            (Some("c"), Some("p"))
        );
        assert_eq!(consumer.get("bootstrap.servers"), Some("a:1,b:2"));
    }

    #[test]
    fn a_property_that_the_guarantees_depend_on_is_refused_with_the_reason() {
        for key in [
            "enable.auto.commit",
            "consumer.enable.auto.offset.store",
            "acks",
            "group.id",
        ] {
            let config = config(&[(key, "x")]);
            for refused in [consumer(&config).unwrap_err(), producer(&config).unwrap_err()] {
                assert!(
                    refused.starts_with(&format!("`{key}` cannot be set in `[kafka]`: ")),
                    "{refused}"
                );
            }
        }
    }

    #[test]
    fn an_instances_transactional_id_is_the_one_set_or_that_of_its_member_or_a_new_one() {
        let mut config = config(&[]);
        assert_eq!(producer(&config).unwrap().get("transactional.id"), None);
        config.delivery = Delivery::ExactlyOnce;
        let id = |config: &Config| {
            producer(config)
                .unwrap()
                .get("transactional.id")
                .unwrap()
                .to_owned()
        };
        assert!(id(&config).starts_with("g-"));
        assert_ne!(id(&config), id(&config));
        config
            .kafka
            .extend([("group.instance.id".to_owned(), "a".to_owned())]);
        assert_eq!(id(&config), "g-a");
        config.exactly_once.transactional_id = Some("b".to_owned());
        assert_eq!(id(&config), "b");
        producer(&config)
            .unwrap()
            .create::<rdkafka::producer::BaseProducer>()
            .unwrap();
    }

    #[test]
    fn read_uncommitted_is_refused_with_exactly_once() {
        let mut config = config(&[("isolation.level", "read_uncommitted")]);
        consumer(&config).unwrap();
        config.delivery = Delivery::ExactlyOnce;
        assert!(consumer(&config).unwrap_err().starts_with("`isolation.level`"));
    }

    #[test]
    fn with_the_brokers_protocol_no_assignment_strategy_is_set() {
        let classic = consumer(&config(&[])).unwrap();
        assert_eq!(
            classic.get("partition.assignment.strategy"),
            Some("cooperative-sticky")
        );
        let consumer = consumer(&config(&[("group.protocol", "consumer")])).unwrap();
        assert_eq!(consumer.get("partition.assignment.strategy"), None);
        consumer.create::<rdkafka::consumer::BaseConsumer>().unwrap();
    }

    #[test]
    fn the_defaults_are_known_to_librdkafka() {
        consumer(&config(&[]))
            .unwrap()
            .create::<rdkafka::consumer::BaseConsumer>()
            .unwrap();
        producer(&config(&[]))
            .unwrap()
            .create::<rdkafka::producer::BaseProducer>()
            .unwrap();
    }

    #[test]
    fn every_property_named_here_is_known_to_librdkafka() {
        use rdkafka::error::KafkaError;
        use rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;

        let refused = REFUSED.iter().map(|(key, _)| key);
        let ours = CONSUMER_ONLY.iter().chain(&PRODUCER_ONLY).chain(&names::NAMES);
        for key in ours.chain(refused) {
            // The value is wrong for most, which is another error.
            let result = ClientConfig::new().set(*key, "?").create_native_config();
            assert!(
                !matches!(result, Err(KafkaError::ClientConfig(RD_KAFKA_CONF_UNKNOWN, ..))),
                "{key}"
            );
        }
    }

    #[test]
    fn no_refused_name_is_a_suggestion() {
        for name in names::NAMES {
            assert_eq!(super::refused(name), None, "{name}");
        }
        for name in CONSUMER_ONLY.iter().chain(&PRODUCER_ONLY) {
            let is_refused = super::refused(name).is_some();
            assert!(is_refused || names::NAMES.contains(name), "{name}");
        }
    }

    #[test]
    fn a_missing_setting_is_named() {
        let mut empty = Config::default();
        assert!(consumer(&empty).unwrap_err().contains("`group`"));
        empty.group = "g".into();
        assert!(consumer(&empty).unwrap_err().contains("`topics`"));
        assert!(producer(&empty).unwrap_err().contains("`brokers`"));
    }
}
