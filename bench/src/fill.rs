//! The topics' content: the same for every contender and every run.

use std::time::Duration;

use anyhow::{Context, Result};
use kaufmann::__private::avro::Encode;
use kaufmann::Event;
use kaufmann::types::TimestampMillis;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::events::bench::Purchased;
use crate::workload::Workload;

/// The id under which every contender knows the schema.
pub(crate) const SCHEMA_ID: u32 = 7;

/// Writes a workload's records: key `n` gets every `keys`-th record, and lives in partition `n mod partitions`.
pub(crate) fn fill(brokers: &str, topic: &str, workload: &Workload) -> Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .set("batch.num.messages", "10000")
        .create()?;
    let mut payload = Vec::new();
    for sequence in 0..workload.records {
        let key = sequence % workload.keys;
        let text = format!("k{key:07}");
        payload.clear();
        payload.push(0);
        payload.extend_from_slice(&SCHEMA_ID.to_be_bytes());
        event(sequence, &text).encode(&mut payload);
        let mut record = BaseRecord::to(topic)
            .partition((key % workload.partitions as u64) as i32)
            .key(text.as_bytes())
            .payload(&payload);
        while let Err((error, unsent)) = producer.send(record) {
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            anyhow::ensure!(full, "cannot fill {topic}: {error}");
            std::thread::sleep(Duration::from_millis(10));
            record = unsent;
        }
    }
    producer
        .flush(Duration::from_secs(120))
        .with_context(|| format!("cannot fill {topic}"))
}

/// The field that handlers add up.
pub(crate) fn amount(sequence: u64) -> i64 {
    (sequence.wrapping_mul(2_654_435_761) % 100_000) as i64
}

fn event(sequence: u64, key: &str) -> Purchased {
    let mut purchased = Purchased::new(
        format!("{:08x}-0000-4000-8000-{:012x}", sequence >> 32, sequence),
        sequence as i64,
        key.to_owned(),
        format!("{key}@example.org"),
        "a red bicycle, 28 inch".to_owned(),
        amount(sequence),
        "221b Baker Street, 2nd floor".to_owned(),
        "Llanfairpwllgwyngyll".to_owned(),
        "Wales".to_owned(),
        TimestampMillis::default(),
    );
    purchased.note = Some("please ring twice, the bell is old".to_owned());
    purchased
}

/// Bytes of one framed payload, for the table's head.
pub(crate) fn payload_bytes() -> usize {
    let mut datum = Vec::new();
    event(500_000, "k0000500").encode(&mut datum);
    5 + datum.len()
}

/// The schema's text.
pub(crate) fn schema() -> &'static str {
    Purchased::INFO.schema
}
