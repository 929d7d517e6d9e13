//! Fills the topics: the same records for every contender and every run.

use std::time::Duration;

use anyhow::{Context, Result};
use bench_checks::{Kind, SCHEMA_ID, amount, due_in, schema_id};
use kaufmann::__private::avro::Encode;
use kaufmann::Event;
use kaufmann::types::TimestampMillis;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::events::bench::Purchased;
use crate::workload::Workload;

/// Writes a workload's records: key `n` has every `keys`-th record, in partition `n mod partitions`.
pub(crate) fn fill(brokers: &str, workload: &Workload) -> Result<()> {
    // The handler of a single record publishes all events.
    let records = match workload.kind {
        Kind::Publish => 1,
        _ => workload.records,
    };
    write(brokers, &workload.name, workload, "20", records, |_| {})
}

/// Writes the records into a topic while they are handled, each when it is due.
pub(crate) fn fill_live(brokers: &str, topic: &str, workload: &Workload, origin: u64) -> Result<()> {
    write(brokers, topic, workload, "0", workload.records, |sequence| {
        let due = origin + sequence * 1_000_000_000 / workload.rate;
        std::thread::sleep(Duration::from_nanos(due.saturating_sub(due_in(Duration::ZERO))));
    })
}

fn write(
    brokers: &str,
    topic: &str,
    workload: &Workload,
    linger: &str,
    records: u64,
    wait: impl Fn(u64),
) -> Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", linger)
        .set("batch.num.messages", "10000")
        .create()?;
    let mut payload = Vec::new();
    for sequence in 0..records {
        let key = sequence % workload.keys;
        let text = format!("k{key:07}");
        let id = match workload.handlers {
            1 => SCHEMA_ID,
            handlers => schema_id((sequence % u64::from(handlers)) as u32),
        };
        payload.clear();
        payload.push(0);
        payload.extend_from_slice(&id.to_be_bytes());
        event(sequence, &text, workload.payload).encode(&mut payload);
        wait(sequence);
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

/// An event of at least `payload` bytes, framed: the note is padded.
fn event(sequence: u64, key: &str, payload: usize) -> Purchased {
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
    let mut note = "please ring twice, the bell is old".to_owned();
    let padding = payload.saturating_sub(UNPADDED);
    note.extend(std::iter::repeat_n('.', padding));
    purchased.note = Some(note);
    purchased
}

/// About the length of a framed payload without padding.
const UNPADDED: usize = 192;

/// Bytes of one framed payload, for the table's title.
pub(crate) fn payload_bytes(workload: &Workload) -> usize {
    let mut datum = Vec::new();
    event(500_000, "k0000500", workload.payload).encode(&mut datum);
    5 + datum.len()
}

/// The schema's text.
pub(crate) fn schema() -> &'static str {
    Purchased::INFO.schema
}
