//! The producer's callbacks: deliveries, errors, log lines.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Headers as _, Message as _};
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use crate::base::panics::catch;
use crate::kafka;
use crate::publish::{
    Completion, Message, MessageHeaders, Placement, PublishError, PublishErrorKind, Undelivered,
};

thread_local! {
    /// Whether this thread is calling a completion.
    static DELIVERING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the current thread is a producer's that is calling a completion.
pub(super) fn on_producer_thread() -> bool {
    DELIVERING.get()
}

/// The data that librdkafka carries with a message, as a pointer. rdkafka requires it to be `Sync`, which a completion is not; the
/// mutex is never locked.
pub(super) type Delivery = Box<Mutex<InFlight>>;

/// A completion, and the placement, which librdkafka does not return unchanged: it fills in the partition of a key.
pub(super) struct InFlight {
    pub(super) done: Completion,
    pub(super) placement: Placement,
}

/// Unwraps the data of a message that librdkafka has answered.
#[allow(clippy::boxed_local)] // It comes as a box.
pub(super) fn arrived(delivery: Delivery) -> InFlight {
    delivery.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The number of messages that are neither delivered nor failed.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    count: AtomicUsize,
    lock: Mutex<()>,
    none: Condvar,
}

impl Outstanding {
    pub(super) fn more(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn less(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Under the lock, so that it cannot happen between a waiter's check and its sleep.
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.none.notify_all();
        }
    }

    /// Waits until there are none. Returns `false` on timeout.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let some = |(): &mut ()| self.count.load(Ordering::Acquire) > 0;
        let (_guard, waited) = self
            .none
            .wait_timeout_while(guard, timeout, some)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }
}

/// The producer's context.
pub(super) struct PublisherContext {
    outstanding: Arc<Outstanding>,
    broker: Arc<str>,
    /// Whether it was logged that no broker is reachable.
    away: AtomicBool,
}

impl PublisherContext {
    pub(super) fn new(outstanding: Arc<Outstanding>, broker: Arc<str>) -> Self {
        Self {
            outstanding,
            broker,
            away: AtomicBool::new(false),
        }
    }

    #[cold]
    fn undelivered(
        &self,
        error: &KafkaError,
        message: &BorrowedMessage<'_>,
        placement: Placement,
    ) -> Undelivered {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let size = message.key_len() + message.payload_len();
        let text = kafka::explain::why_not_produced(code, message.topic(), size, &self.broker);
        Undelivered {
            message: rebuild(message, placement),
            error: PublishError::new(kind_of(code), text),
        }
    }
}

impl ClientContext for PublisherContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        kafka::log(level, facility, line);
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        kafka::shielded(|| tracing::debug!(target: "librdkafka", "{}", String::from_utf8_lossy(statistics)));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let reason = kafka::explain::discreet(reason);
        kafka::shielded(|| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                if !self.away.swap(true, Ordering::AcqRel) {
                    tracing::warn!(
                        "no broker is reachable for publishing ({reason}); messages wait until one is"
                    );
                }
            }
            // One broker of several, or one attempt of many.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) => {
                tracing::debug!(target: "librdkafka", "{reason}");
            }
            _ => tracing::error!("Kafka producer error: {reason}"),
        });
    }
}

impl ProducerContext for PublisherContext {
    type DeliveryOpaque = Delivery;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Delivery) {
        let InFlight { done, placement } = arrived(delivery);
        let outcome = match result {
            Ok(_) => {
                if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::AcqRel) {
                    kafka::shielded(|| tracing::info!("messages are published again"));
                }
                Ok(())
            }
            Err((error, message)) => Err(self.undelivered(error, message, placement)),
        };
        DELIVERING.set(true);
        complete(done, outcome);
        DELIVERING.set(false);
        self.outstanding.less();
    }
}

/// Calls a completion. A panic in it must not end the producer's thread.
pub(super) fn complete(done: Completion, outcome: Result<(), Undelivered>) {
    kafka::shielded(|| {
        if let Err(panic) = catch(move || done(outcome)) {
            let (error, place) = (panic.text(), panic.place());
            tracing::error!(
                error,
                place,
                "a completion panicked; its message counts as neither delivered nor failed"
            );
        }
    });
}

/// The kind of an error. After a fatal error the idempotent producer refuses everything.
pub(super) fn kind_of(code: RDKafkaErrorCode) -> PublishErrorKind {
    match code {
        RDKafkaErrorCode::Fatal => PublishErrorKind::Ended,
        // A broker or a topic may also refuse a batch with a single message.
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge => {
            PublishErrorKind::TooLarge
        }
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownTopicOrPartition => PublishErrorKind::Topic,
        RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight => PublishErrorKind::Aborted,
        _ => PublishErrorKind::Broker,
    }
}

/// The message as it was sent.
fn rebuild(message: &BorrowedMessage<'_>, placement: Placement) -> Message {
    let mut headers = MessageHeaders::default();
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        headers.push(header.key, header.value);
    }
    Message {
        topic: message.topic().into(),
        key: message.key().map(<[u8]>::to_vec),
        placement,
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}
