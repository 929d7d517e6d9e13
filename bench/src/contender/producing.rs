//! Replying and publishing as people write it by hand: rdkafka's producer, with kaufmann's settings and its codec.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bench_checks::{Checks, Contend, SCHEMA_ID, amount};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt};
use kaufmann::__private::avro::Encode;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message};

use super::by_hand::{config, decode};
use crate::events::bench::{Acknowledged, Purchased};

/// The reply to a purchase.
pub(crate) fn reply(purchased: Purchased) -> Acknowledged {
    Acknowledged {
        purchase: purchased.id,
        sequence: purchased.sequence,
        customer: purchased.customer,
        text: "thank you, it is on its way".to_owned(),
    }
}

/// Receives, sends the reply without waiting for it, and stores offsets in their order as the replies are delivered. With an
/// `envelope` the replies have the headers that kaufmann gives them.
pub(crate) fn pipeline(contend: &Contend, checks: &Checks, envelope: bool) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let producer = producer(contend)?;
        let topic = contend
            .reply_topic
            .as_deref()
            .context("`--reply-topic` is missing")?;
        let consumer: StreamConsumer = config(contend, &[("fetch.queue.backoff.ms", "5")]).create()?;
        consumer.subscribe(&[&contend.topic])?;
        let mut delivered = consumer
            .stream()
            .map(|message| {
                let message = message?;
                let event = decode(message.payload())?;
                checks.handle(event.sequence, event.amount_cents);
                let headers = envelope.then(|| headers(contend, &message));
                let delivery = send(&producer, topic, &reply(event), headers)?;
                anyhow::Ok((message, delivery))
            })
            .map(|sent| async {
                let (message, delivery) = sent?;
                delivered(delivery).await?;
                anyhow::Ok(message)
            })
            .buffered(contend.outstanding);
        while !checks.is_done() {
            let message = delivered.try_next().await?.context("the stream ended")?;
            consumer.store_offset_from_message(&message)?;
            checks.settled();
        }
        Ok(())
    })
}

/// Events that wait for the broker at once, by their sequence numbers.
pub(crate) struct Round(Range<u64>);

/// Rounds of as many events as may wait for the broker at once.
pub(crate) fn rounds(contend: &Contend) -> impl Iterator<Item = Round> {
    let (all, step) = (contend.records, contend.outstanding);
    (0..all)
        .step_by(step)
        .map(move |first| Round(first..all.min(first + step as u64)))
}

impl Round {
    pub(crate) fn replies(&self, purchased: &Purchased) -> impl Iterator<Item = Acknowledged> {
        self.0.clone().map(|sequence| Acknowledged {
            sequence: sequence as i64,
            ..reply(purchased.clone())
        })
    }

    pub(crate) fn published(&self, checks: &Checks) {
        for sequence in self.0.clone() {
            checks.handle(sequence as i64, amount(sequence));
        }
    }
}

/// Publishes the same rounds as kaufmann's handler.
pub(crate) fn publish(contend: &Contend, checks: &Checks) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let producer = producer(contend)?;
        let topic = contend
            .reply_topic
            .as_deref()
            .context("`--reply-topic` is missing")?;
        // The same single record that kaufmann's handler gets.
        let consumer: StreamConsumer = config(contend, &[]).create()?;
        consumer.subscribe(&[&contend.topic])?;
        let event = decode(consumer.recv().await?.payload())?;
        for round in rounds(contend) {
            let deliveries: Vec<_> = round
                .replies(&event)
                .map(|event| Ok(delivered(send(&producer, topic, &event, None)?)))
                .collect::<Result<_>>()?;
            try_join_all(deliveries).await?;
            round.published(checks);
        }
        Ok(())
    })
}

/// Configured as kaufmann's: idempotent, thus with `acks=all`, compressed, with the same linger.
fn producer(contend: &Contend) -> Result<FutureProducer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &contend.brokers)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", contend.linger.to_string());
    Ok(config.create()?)
}

/// CloudEvents' attributes with correlation and causation, as texts of the same lengths as kaufmann's.
fn headers(contend: &Contend, cause: &BorrowedMessage<'_>) -> OwnedHeaders {
    let id = format!("{}/{}@{}", contend.topic, cause.partition(), cause.offset());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = format!(
        "2026-01-01T00:00:{:09.6}Z",
        now.map_or(0.0, |now| now.as_secs_f64() % 60.0)
    );
    let unique = format!(
        "00000000-0000-0000-{:04x}-{:012x}",
        cause.partition(),
        cause.offset()
    );
    let source = format!("/{}", contend.group);
    [
        ("ce_specversion", "1.0"),
        ("ce_id", unique.as_str()),
        ("ce_type", "bench.acknowledged"),
        ("ce_source", source.as_str()),
        ("ce_time", time.as_str()),
        ("content-type", "application/avro"),
        ("ce_correlationid", id.as_str()),
        ("ce_causationid", id.as_str()),
    ]
    .into_iter()
    .fold(OwnedHeaders::new_with_capacity(8), |headers, (key, value)| {
        let value = Some(value.as_bytes());
        headers.insert(Header { key, value })
    })
}

fn send(
    producer: &FutureProducer,
    topic: &str,
    event: &Acknowledged,
    headers: Option<OwnedHeaders>,
) -> Result<DeliveryFuture> {
    let mut payload = Vec::with_capacity(128);
    payload.push(0);
    payload.extend_from_slice(&(SCHEMA_ID + 1).to_be_bytes());
    event.encode(&mut payload);
    let record = FutureRecord {
        headers,
        ..FutureRecord::to(topic)
            .key(event.customer.as_bytes())
            .payload(&payload)
    };
    // The queue is ten times as large as the number of messages that may wait.
    producer.send_result(record).map_err(|(error, _)| error.into())
}

async fn delivered(delivery: DeliveryFuture) -> Result<()> {
    let delivered = tokio::time::timeout(Duration::from_secs(60), delivery).await??;
    delivered.map_err(|(error, _)| error)?;
    Ok(())
}
