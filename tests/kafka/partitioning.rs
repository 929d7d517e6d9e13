//! The partitions of records in Apache Kafka: by key, in turn, and chosen by the event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, ensure};
use kaufmann::config::Partitioning;
use kaufmann::publish::{KafkaPublisher, PublishErrorKind};
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::{Config, Partitioned, Producer};
use kaufmann_tests::rig::{Client, Rig};

use self::events::test::Doubled;

kaufmann::include_events!();

crate::tests![events_go_to_the_partition_of_their_key_in_turn_or_to_a_chosen_one];

const PARTITIONS: i32 = 3;
const EVENTS: i64 = 60;

fn event(number: i64) -> Doubled {
    Doubled {
        key: format!("k{}", number % 5),
        number,
    }
}

/// The partitions of the records of a topic, by key.
fn landed(client: &Client, topic: &str) -> Result<BTreeMap<String, Vec<i32>>> {
    let mut landed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in client.read(topic)? {
        let key = record.key_text().unwrap_or_default();
        landed.entry(key).or_default().push(record.partition);
    }
    Ok(landed)
}

fn events_go_to_the_partition_of_their_key_in_turn_or_to_a_chosen_one(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    for topic in ["by-key", "in-turn", "chosen"] {
        client.create_topic(topic, PARTITIONS, &[])?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let producer = |topic: &str, partitioning| -> Result<Producer> {
        let mut config = Config::default();
        config.brokers = vec![servers.kafka.brokers()];
        config.registry.register = true;
        config.publish.partitioning = partitioning;
        config
            .publish
            .topics
            .insert("test.doubled".to_owned(), topic.to_owned());
        let publisher = KafkaPublisher::new(&config)?;
        Ok(Producer::new(&config, publisher, EmbeddedRegistry::new()))
    };
    let (by_key, in_turn, chosen, nowhere) = (
        producer("by-key", Partitioning::Key)?,
        producer("in-turn", Partitioning::RoundRobin)?,
        producer("chosen", Partitioning::RoundRobin)?,
        producer("nowhere", Partitioning::RoundRobin)?,
    );
    runtime.block_on(async {
        for number in 0..EVENTS {
            _ = by_key.publish(&event(number)).await?;
            _ = in_turn.publish(&event(number)).await?;
            let backwards = Partitioned::by(event(number), |event, partitions| {
                partitions - 1 - u32::try_from(event.number).unwrap_or_default() % partitions
            });
            _ = chosen.publish(&backwards).await?;
        }
        for producer in [&by_key, &in_turn, &chosen] {
            let counts = producer.flush(Duration::from_secs(60)).await;
            ensure!(
                counts.delivered == EVENTS.unsigned_abs() && counts.undelivered() == 0,
                "{counts:?}"
            );
        }
        let absent = chosen.publish(&Partitioned::to(event(0), 3)).await;
        let kind = absent.err().map(|error| error.kind());
        ensure!(kind == Some(PublishErrorKind::NoPartition), "{kind:?}");
        let absent = nowhere.publish(&event(0)).await;
        let kind = absent.err().map(|error| error.kind());
        ensure!(kind == Some(PublishErrorKind::NoPartition), "{kind:?}");
        Ok(())
    })?;
    ensure!(
        !client.topics()?.contains(&"nowhere".to_owned()),
        "asking made a topic"
    );

    for (key, partitions) in landed(&client, "by-key")? {
        let different: BTreeSet<_> = partitions.iter().collect();
        ensure!(different.len() == 1, "{key} is in {different:?}");
    }
    let each = EVENTS / i64::from(PARTITIONS);
    for topic in ["in-turn", "chosen"] {
        let sizes = client.end_offsets(topic)?;
        let even = (0..PARTITIONS).map(|partition| (partition, each)).collect();
        ensure!(sizes == even, "{topic}: {sizes:?}");
    }
    for record in client.read("chosen")? {
        let payload = record.value.as_deref().unwrap_or_default();
        let event: Doubled = kaufmann::event::Body::new(payload.get(5..).unwrap_or_default()).decode()?;
        let expected = i64::from(PARTITIONS) - 1 - event.number % i64::from(PARTITIONS);
        ensure!(
            i64::from(record.partition) == expected,
            "{} is in {}",
            event.number,
            record.partition
        );
    }
    Ok(())
}
