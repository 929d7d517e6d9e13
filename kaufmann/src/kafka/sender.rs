//! Sends messages to given topics and partitions, and reports when the broker has acknowledged each.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::ErrorContext;
use super::{explain, producer};
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::publish::Message;

/// How long the delivery of a message may take, in milliseconds.
const PATIENCE: &str = "30000";

/// Sends messages idempotently, those of one partition in order.
pub(crate) struct Sender {
    producer: Arc<FutureProducer<ErrorContext>>,
    broker: String,
}

/// A message in flight.
pub(crate) struct Sent {
    delivery: DeliveryFuture,
    producer: Arc<FutureProducer<ErrorContext>>,
    topic: String,
    size: usize,
    broker: String,
}

/// Why a message was not delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unsent {
    pub(crate) text: String,
    /// Whether the error concerns this message alone, so that others may be delivered.
    pub(crate) alone: bool,
}

impl Sender {
    /// A sender to the brokers of `config`. Nothing is connected yet.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let refused = |text: String| Error::new(ErrorKind::Configuration, text);
        let mut settings = producer(config).map_err(refused)?;
        settings.set("message.timeout.ms", PATIENCE);
        let producer: FutureProducer<ErrorContext> = settings
            .create_with_context(ErrorContext::default())
            .map_err(|error| refused(explain::creation(&error)))?;
        Ok(Self {
            producer: Arc::new(producer),
            broker: config.brokers.first().cloned().unwrap_or_default(),
        })
    }

    /// Sends a message to a partition; without one its key decides. Waits while the queue is full.
    pub(crate) async fn send(&self, message: &Message, partition: Option<i32>) -> Result<Sent, Unsent> {
        let headers = message.headers.iter().fold(
            OwnedHeaders::new_with_capacity(message.headers.len()),
            |headers, (key, value)| headers.insert(Header { key, value }),
        );
        let size = message.key.as_ref().map_or(0, Vec::len) + message.payload.as_ref().map_or(0, Vec::len);
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&message.topic).headers(headers);
        record.partition = partition;
        record.key = message.key.as_deref();
        record.payload = message.payload.as_deref();
        loop {
            match self.producer.send_result(record) {
                Ok(delivery) => {
                    return Ok(Sent {
                        delivery,
                        producer: Arc::clone(&self.producer),
                        topic: message.topic.to_string(),
                        size,
                        broker: self.broker.clone(),
                    });
                }
                Err((error, back)) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                    record = back;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err((error, _)) => {
                    let code = cause(&self.producer, &error);
                    return Err(unsent(code, &message.topic, size, &self.broker));
                }
            }
        }
    }
}

impl Sent {
    /// Waits until the broker has acknowledged it.
    pub(crate) async fn arrived(self) -> Result<(), Unsent> {
        match self.delivery.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => {
                let code = cause(&self.producer, &error);
                Err(unsent(code, &self.topic, self.size, &self.broker))
            }
            Err(_) => Err(unsent(Code::PurgeQueue, &self.topic, self.size, &self.broker)),
        }
    }
}

/// The producer's fatal error, if that is why a message was not sent; else the error's own code.
fn cause(producer: &FutureProducer<ErrorContext>, error: &KafkaError) -> Code {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    match (code, producer.client().fatal_error()) {
        (Code::PurgeQueue | Code::PurgeInflight | Code::Fatal, Some((fatal, _))) => fatal,
        (code, _) => code,
    }
}

fn unsent(code: Code, topic: &str, size: usize, broker: &str) -> Unsent {
    let alone = matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::InvalidRecord
            | Code::PolicyViolation
    );
    let text = match code {
        Code::MessageTimedOut => {
            format!("no broker acknowledged the message for topic `{topic}` within 30 s; is {broker} up?")
        }
        code => explain::why_not_produced(code, topic, size, broker),
    };
    Unsent { text, alone }
}
