//! Events that a program publishes without a service, on Apache Kafka.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaufmann::publish::KafkaPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::{Config, Producer};
use kaufmann_tests::rig::{Kafka, Rig};

use self::events::test::Doubled;

kaufmann::include_events!();

crate::tests![events_published_while_the_broker_is_away_arrive_in_order_or_are_counted];

const KEYS: i64 = 3;

/// Three keys in turn; the number counts.
fn event(number: i64) -> Doubled {
    Doubled {
        key: format!("k{}", number % KEYS),
        number,
    }
}

fn events_published_while_the_broker_is_away_arrive_in_order_or_are_counted(_: &Rig) -> Result<()> {
    // Its own broker, because the test stops it.
    let mut kafka = Kafka::start()?;
    kafka.client()?.create_topic("doubled", 3, &[])?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut config = Config::default();
    config.brokers = vec![kafka.brokers()];
    config.registry.register = true;
    config.publish.max_outstanding = 50;
    let registry = EmbeddedRegistry::new();
    let patient = Producer::new(&config, KafkaPublisher::new(&config)?, registry.clone());

    runtime.block_on(async {
        for number in 0..100 {
            _ = patient.publish(&event(number)).await?;
        }
        let counts = patient.flush(Duration::from_secs(60)).await;
        ensure!((counts.delivered, counts.undelivered()) == (100, 0), "{counts:?}");
        Ok(())
    })?;

    kafka.stop()?;
    let hasty = patient_no_more(&config, &registry)?;
    runtime.block_on(async {
        // Its deadline ends before the broker is back.
        let delivery = hasty.publish(&event(-1)).await?;
        let answer = delivery.await.map_err(|error| error.to_string());
        let error = answer.err().context("delivered to a broker that is not there")?;
        ensure!(error.contains("message.timeout.ms"), "{error}");
        let counts = hasty.counts();
        ensure!(
            (counts.delivered, counts.failed, counts.outstanding) == (0, 1, 0),
            "{counts:?}"
        );
        // All slots are taken, and one more event waits in vain.
        for number in 100..150 {
            _ = patient.publish(&event(number)).await?;
        }
        let impatient = tokio::time::timeout(Duration::from_secs(1), patient.publish(&event(150))).await;
        ensure!(
            impatient.is_err(),
            "an event more than there are places for was taken"
        );
        let counts = patient.flush(Duration::from_millis(100)).await;
        ensure!((counts.delivered, counts.outstanding) == (100, 50), "{counts:?}");
        Ok(())
    })?;

    kafka.restart()?;
    runtime.block_on(async {
        for number in 150..200 {
            _ = patient.publish(&event(number)).await?;
        }
        let counts = patient.flush(Duration::from_secs(60)).await;
        ensure!((counts.delivered, counts.undelivered()) == (200, 0), "{counts:?}");
        Ok(())
    })?;
    let records = kafka.client()?.read("doubled")?;
    ensure!(records.len() == 200, "{}", records.len());
    for key in 0..KEYS {
        let name = format!("k{key}");
        let own = records
            .iter()
            .filter(|record| record.key_text().as_ref() == Some(&name));
        let numbers: Vec<i64> = own.map(number_of).collect::<Result<_>>()?;
        let expected: Vec<_> = (0..200).filter(|number| number % KEYS == key).collect();
        ensure!(numbers == expected, "{name}: {numbers:?}");
    }
    Ok(())
}

fn patient_no_more(config: &Config, registry: &EmbeddedRegistry) -> Result<Producer> {
    let mut config = config.clone();
    config
        .kafka
        .insert("message.timeout.ms".to_owned(), "2000".to_owned());
    Ok(Producer::new(
        &config,
        KafkaPublisher::new(&config)?,
        registry.clone(),
    ))
}

fn number_of(record: &kaufmann_tests::rig::Record) -> Result<i64> {
    let payload = record.value.as_deref().unwrap_or_default();
    let event: Doubled = kaufmann::event::Body::new(payload.get(5..).unwrap_or_default()).decode()?;
    Ok(event.number)
}
