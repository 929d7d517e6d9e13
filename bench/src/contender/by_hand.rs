//! The loops that people write by hand on rdkafka, with the codec that kaufmann generates.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bench_checks::{Checks, Contend, Kind, SCHEMA_ID};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::{ClientConfig, Message};
use tokio::sync::Semaphore;

use crate::events::bench::Purchased;

/// Large prefetch queues, the other way to make librdkafka fast.
pub(crate) const LARGE: [(&str, &str); 4] = [
    ("fetch.wait.max.ms", "5"),
    ("fetch.queue.backoff.ms", "1"),
    ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "262144"),
];

/// One record after another: receive, decode, await the handler, store the offset; librdkafka commits every 5 s.
pub(crate) fn one_by_one(contend: &Contend, checks: &Checks, settings: &[(&str, &str)]) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let consumer: StreamConsumer = config(contend, settings).create()?;
        consumer.subscribe(&[&contend.topic])?;
        while !checks.is_done() {
            let message = consumer.recv().await?;
            handle(decode(message.payload())?, checks, contend.kind).await?;
            consumer.store_offset_from_message(&message)?;
        }
        Ok(())
    })
}

/// A task for each record, up to `max_in_flight` at once. The order of a key is lost, and so is a record if the offset of a later
/// one is stored before a crash.
pub(crate) fn spawn(contend: &Contend, checks: &Arc<Checks>) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let consumer: Arc<StreamConsumer> =
            Arc::new(config(contend, &[("fetch.queue.backoff.ms", "5")]).create()?);
        consumer.subscribe(&[&contend.topic])?;
        let permits = Arc::new(Semaphore::new(contend.in_flight));
        let mut received = 0;
        // A window ends before its records do.
        while received < contend.records && !(contend.kind == Kind::Window && checks.is_done()) {
            let message = consumer.recv().await?.detach();
            received += 1;
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let (consumer, checks, kind) = (Arc::clone(&consumer), Arc::clone(checks), contend.kind);
            tokio::spawn(async move {
                let event = decode(message.payload()).expect("every record of the topic is an event");
                handle(event, &checks, kind).await.expect("handlers do not fail");
                consumer
                    .store_offset(message.topic(), message.partition(), message.offset() + 1)
                    .expect("the partition is assigned");
                drop(permit);
            });
        }
        if contend.kind != Kind::Window {
            checks.done().await;
        }
        Ok(())
    })
}

async fn handle(event: Purchased, checks: &Checks, kind: Kind) -> Result<()> {
    match kind {
        Kind::Drain => checks.handle(event.sequence, event.amount_cents),
        Kind::Sleep | Kind::Cpu | Kind::Slow | Kind::Live | Kind::Window => {
            checks.work(event.sequence, event.amount_cents).await
        }
        Kind::Reply | Kind::Publish => bail!("this loop does not produce"),
    }
    Ok(())
}

/// Confluent's frame and the datum, owned.
pub(crate) fn decode(payload: Option<&[u8]>) -> Result<Purchased> {
    let payload = payload.context("the record has no payload")?;
    ensure!(
        payload.len() > 5 && payload[0] == 0 && payload[1..5] == SCHEMA_ID.to_be_bytes(),
        "the record has another schema"
    );
    Ok(kaufmann::__private::avro::decode(&payload[5..])?)
}

pub(crate) fn config(contend: &Contend, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &contend.brokers)
        .set("group.id", &contend.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}
