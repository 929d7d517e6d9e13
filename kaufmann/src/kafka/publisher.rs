//! The publisher on Kafka: librdkafka's idempotent producer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use self::delivery::{Delivery, InFlight, Outstanding, PublisherContext, arrived, complete, kind_of};
use self::transactions::Transactor;
use crate::config::Config;
use crate::kafka;
use crate::publish::{
    Completion, Message, MessageHeaders, PublishError, PublishErrorKind, Publisher, Rejected, Transactions,
    Undelivered,
};

mod delivery;
mod transactions;

#[cfg(test)]
mod tests;

/// A [`Publisher`] on Kafka.
///
/// It is idempotent with `acks=all`: a delivered message is written once, on all in-sync replicas, and the messages of one key
/// in the order in which they were sent. Messages never expire while the brokers are unreachable (`message.timeout.ms=0`): the
/// queue fills, and [`Publisher::send`] gives back messages that no longer fit. A key goes to the same partition as with Java's clients
/// (`murmur2_random`). Batches wait 5 ms to fill (`linger.ms`), and are compressed with LZ4, the cheapest codec. The queue holds twice
/// `publish.max_outstanding` messages. The topic limits the size of a message (`message.max.bytes` is 100 MB here). All properties
/// except `acks` and `enable.idempotence` can be set in `[kafka]`; with a prefix `producer.` a property does not apply to the consumer.
///
/// Completions run on the producer's thread: they should be short, and must not block. A message that cannot be queued
/// (too large, unknown topic) completes within [`Publisher::send`]. Dropping the publisher aborts queued messages; their completions
/// get an error.
pub struct KafkaPublisher {
    /// `None` only while it is dropped.
    producer: Option<ThreadedProducer<PublisherContext>>,
    transactor: Option<Transactor>,
    outstanding: Arc<Outstanding>,
    broker: Arc<str>,
}

impl KafkaPublisher {
    /// A publisher to the brokers of `config`. Nothing is connected before the first message.
    ///
    /// # Errors
    ///
    /// If the brokers are missing, or librdkafka refuses a property.
    pub fn new(config: &Config) -> Result<Self, PublishError> {
        let refused = |text| PublishError::new(PublishErrorKind::Broker, text);
        let outstanding = Arc::new(Outstanding::default());
        let broker: Arc<str> = config.brokers.first().map_or("HOST:PORT", String::as_str).into();
        let context = PublisherContext::new(Arc::clone(&outstanding), Arc::clone(&broker));
        let settings = kafka::producer(config).map_err(refused)?;
        let producer: ThreadedProducer<PublisherContext> = settings
            .create_with_context(context)
            .map_err(|error| refused(kafka::explain::creation(&error)))?;
        let transactor = settings
            .get("transactional.id")
            .map(|id| Transactor::start(producer.clone(), id))
            .transpose()
            .map_err(|error| refused(format!("no thread for transactions: {error}")))?;
        Ok(Self {
            producer: Some(producer),
            transactor,
            outstanding,
            broker,
        })
    }

    /// The metadata of all topics: a request for one that does not exist might create it. `None` while this is being dropped.
    fn metadata(&self, timeout: Duration) -> Result<Option<Metadata>, PublishError> {
        let asked = self
            .producer
            .as_ref()
            .map(|producer| producer.client().fetch_metadata(None, timeout));
        asked
            .transpose()
            .map_err(|error| PublishError::new(PublishErrorKind::Broker, error.to_string()))
    }

    /// Handles a message that librdkafka did not queue.
    #[cold]
    #[allow(clippy::result_large_err)]
    fn not_queued(&self, error: &KafkaError, message: Message, done: Completion) -> Result<(), Rejected> {
        self.outstanding.less();
        let code = error
            .rdkafka_error_code()
            .unwrap_or(RDKafkaErrorCode::InvalidArgument);
        if code == RDKafkaErrorCode::QueueFull {
            return Err(Rejected { message, done });
        }
        let size = message.key.as_ref().map_or(0, Vec::len) + message.payload.as_ref().map_or(0, Vec::len);
        let text = kafka::explain::why_not_produced(code, &message.topic, size, &self.broker);
        let error = PublishError::new(kind_of(code), text);
        complete(done, Err(Undelivered { message, error }));
        Ok(())
    }
}

impl Publisher for KafkaPublisher {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        let Some(producer) = &self.producer else {
            return Err(Rejected { message, done });
        };
        let record = BaseRecord::<[u8], [u8], Delivery> {
            topic: &message.topic,
            partition: message.placement.partition(),
            payload: message.payload.as_deref(),
            key: message.key.as_deref(),
            timestamp: None,
            headers: headers(&message.headers),
            delivery_opaque: Box::new(Mutex::new(InFlight {
                done,
                placement: message.placement,
            })),
        };
        self.outstanding.more();
        match producer.send(record) {
            Ok(()) => Ok(()),
            Err((error, record)) => {
                let InFlight { done, .. } = arrived(record.delivery_opaque);
                self.not_queued(&error, message, done)
            }
        }
    }

    /// Also waits for messages that other threads send meanwhile.
    fn flush(&self, timeout: Duration) -> bool {
        self.outstanding.wait(timeout)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        self.transactor.as_ref().map(|own| own as &dyn Transactions)
    }

    fn partitions(&self, topic: &str, timeout: Duration) -> Result<u32, PublishError> {
        let unknown = || {
            let text =
                kafka::explain::why_not_produced(RDKafkaErrorCode::UnknownTopic, topic, 0, &self.broker);
            PublishError::new(PublishErrorKind::NoPartition, text)
        };
        let metadata = self.metadata(timeout)?.ok_or_else(unknown)?;
        let found = metadata
            .topics()
            .iter()
            .find(|candidate| candidate.name() == topic);
        let count = found.map_or(0, |topic| topic.partitions().len());
        u32::try_from(count)
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(unknown)
    }

    fn missing(&self, topics: &[&str], timeout: Duration) -> Result<Vec<String>, PublishError> {
        let Some(metadata) = self.metadata(timeout)? else {
            return Ok(Vec::new());
        };
        let there = |name: &&&str| metadata.topics().iter().any(|topic| topic.name() == **name);
        let missing = topics.iter().filter(|name| !there(name));
        Ok(missing.map(|name| (*name).to_owned()).collect())
    }
}

impl Drop for KafkaPublisher {
    fn drop(&mut self) {
        let Some(producer) = self.producer.take() else {
            return;
        };
        // Purges the queue, completes its messages, and ends the producer's thread, within a second.
        let transactor = self.transactor.take();
        let drop_it = move || {
            drop(transactor);
            drop(producer);
        };
        if delivery::on_producer_thread() {
            // A completion held the last reference: the thread cannot wait for its own end.
            if let Err(error) = std::thread::Builder::new()
                .name("kaufmann-unpublish".into())
                .spawn(drop_it)
            {
                tracing::warn!(%error, "no thread for ending the producer");
            }
        } else {
            drop_it();
        }
    }
}

/// The headers for librdkafka; `None` is cheaper than an empty list.
fn headers(headers: &MessageHeaders) -> Option<OwnedHeaders> {
    if headers.is_empty() {
        return None;
    }
    let list = OwnedHeaders::new_with_capacity(headers.len());
    let insert = |list: OwnedHeaders, (key, value): (&str, Option<&[u8]>)| list.insert(Header { key, value });
    Some(headers.iter().fold(list, insert))
}

impl std::fmt::Debug for KafkaPublisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaPublisher")
            .field("outstanding", &self.outstanding)
            .finish_non_exhaustive()
    }
}
