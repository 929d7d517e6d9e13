//! The producer: numbered events over keys and partitions at a steady pace, from a client that gives up no message.

mod payload;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use kaufmann_tests::chaos::{Conduct, Dice, Manners};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use self::payload::{datum, poison};
use crate::oracle::{Fate, Written};

pub(crate) use self::payload::writer_schema;

/// How long the last records may take to reach a broker.
const FLUSH: Duration = Duration::from_secs(120);
/// How long the producer waits before it looks again.
const IDLE: Duration = Duration::from_millis(20);
/// The header that identifies a record whatever its payload.
pub(crate) const NUMBER: &str = "chaos-number";

/// What is written.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    pub(crate) manners: Manners,
    pub(crate) keys_a_partition: u64,
    pub(crate) per_second: u32,
    /// The maximum number of records.
    pub(crate) most: usize,
    /// How many records of a thousand begin a row that cannot be decoded.
    pub(crate) poison: u32,
    /// How long such a row is.
    pub(crate) row: u64,
    /// The number of records before each new schema.
    pub(crate) schema_every: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            seed: 0,
            manners: Manners::uneven(),
            keys_a_partition: 12,
            per_second: 300,
            most: usize::MAX,
            poison: 0,
            row: 1,
            schema_every: usize::MAX,
        }
    }
}

/// A record to be written.
struct Planned {
    partition: i32,
    key: String,
    payload: Vec<u8>,
    fate: Fate,
}

/// A producer that writes in the background.
pub(crate) struct Workload {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

struct Shared {
    stop: AtomicBool,
    partitions: AtomicI32,
    count: AtomicUsize,
    written: Mutex<Vec<Written>>,
}

impl Workload {
    /// Begins to write to a topic, with numbers from `first` on. `schemas` are the ids of [`writer_schema`], in their order.
    pub(crate) fn start(
        brokers: &str,
        topic: &str,
        partitions: i32,
        load: Load,
        schemas: Vec<i32>,
        first: usize,
    ) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("reconnect.backoff.max.ms", "500")
            .set("topic.metadata.refresh.interval.ms", "500")
            .set("linger.ms", "2");
        let failed = Arc::new(Mutex::new(None));
        let producer = config.create_with_context(Failures(Arc::clone(&failed)))?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            partitions: AtomicI32::new(partitions),
            count: AtomicUsize::new(0),
            written: Mutex::default(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            producer,
            failed,
            topic: topic.to_owned(),
            dice: Dice::of(load.seed, u64::MAX - first as u64),
            first: i64::try_from(first)?,
            load,
            schemas,
            poison_left: 0,
        };
        let thread = std::thread::Builder::new()
            .name("workload".into())
            .spawn(move || writer.write())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// From now on the topic has this many partitions.
    pub(crate) fn spread_over(&self, partitions: i32) {
        self.shared.partitions.store(partitions, Ordering::SeqCst);
    }

    /// How many records were written so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// Whether it is still writing.
    pub(crate) fn is_writing(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops, waits until the brokers have everything, and returns what was written.
    pub(crate) fn finish(mut self) -> Result<Vec<Written>> {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("the producer panicked"))??;
        }
        Ok(std::mem::take(
            &mut *self.shared.written.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

struct Writer {
    shared: Arc<Shared>,
    producer: ThreadedProducer<Failures>,
    failed: Arc<Mutex<Option<String>>>,
    topic: String,
    load: Load,
    schemas: Vec<i32>,
    /// The number of the first record.
    first: i64,
    dice: Dice,
    poison_left: u64,
}

impl Writer {
    fn write(mut self) -> Result<()> {
        let start = Instant::now();
        for count in 0_u32.. {
            let due = start + Duration::from_secs(1) * count / self.load.per_second;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            while count as usize >= self.load.most && !self.is_stopped() {
                std::thread::sleep(IDLE);
            }
            if self.is_stopped() {
                break;
            }
            self.send(self.first + i64::from(count))?;
        }
        self.producer
            .flush(FLUSH)
            .context("the brokers do not take everything")?;
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(anyhow!("a record was not written: {error}")),
            None => Ok(()),
        }
    }

    fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    fn send(&mut self, number: i64) -> Result<()> {
        let Planned {
            partition,
            key,
            payload,
            fate,
        } = self.plan(number);
        let text = number.to_string();
        let headers = OwnedHeaders::new().insert(Header {
            key: NUMBER,
            value: Some(text.as_str()),
        });
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(partition)
            .key(key.as_bytes())
            .payload(&payload)
            .headers(headers);
        while let Err((error, back)) = self.producer.send(record) {
            // The queue is full while the brokers are away, and a new partition is known only after a while.
            let passes = [RDKafkaErrorCode::QueueFull, RDKafkaErrorCode::UnknownPartition];
            let code = error.rdkafka_error_code();
            if !code.is_some_and(|code| passes.contains(&code)) || self.is_stopped() {
                return Err(error.into());
            }
            std::thread::sleep(IDLE);
            record = back;
        }
        let written = Written {
            key: key.into(),
            fate,
        };
        self.shared
            .written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(written);
        self.shared.count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn plan(&mut self, number: i64) -> Planned {
        let partitions = self.shared.partitions.load(Ordering::SeqCst);
        let partition = self.dice.between(0, u64::from(partitions.unsigned_abs()) - 1);
        let key = format!(
            "p{partition}k{}",
            self.dice.between(0, self.load.keys_a_partition - 1)
        );
        if self.poison_left == 0 && self.dice.per_mille(self.load.poison) {
            self.poison_left = self.load.row;
        }
        let version =
            (self.shared.count.load(Ordering::SeqCst) / self.load.schema_every).min(self.schemas.len() - 1);
        let schema = self.schemas[version];
        let datum = datum(version, number, &key);
        let (payload, fate) = if self.poison_left > 0 {
            self.poison_left -= 1;
            (poison(&mut self.dice, &datum, schema), Fate::Undecodable)
        } else {
            let refused = self.load.manners.conduct(self.load.seed, number) == Conduct::Refuse;
            let fate = if refused { Fate::Refused } else { Fate::Answered };
            (datum.framed(schema), fate)
        };
        Planned {
            partition: i32::try_from(partition).unwrap_or(0),
            key,
            payload,
            fate,
        }
    }
}

/// Stores why a record was not written.
struct Failures(Arc<Mutex<Option<String>>>);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let text = error.to_string();
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert(text);
        }
    }
}
