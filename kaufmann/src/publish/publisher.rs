//! The contract of a publisher.

use std::sync::Arc;
use std::time::Duration;

use crate::handler::publish_error::{PublishError, PublishErrorKind};
use crate::publish::Transactions;
use crate::record::Message;

/// Sends messages to a broker, in order, and reports when the broker has them.
pub trait Publisher: Send + Sync + 'static {
    /// Queues a message. `done` is called once, from any thread: with `Ok` when the broker has the message, else with the
    /// message and the reason. Messages of one key are delivered in the order in which they are queued.
    ///
    /// # Errors
    ///
    /// Gives message and completion back when the queue is full; try again a little later.
    // The error is large because it gives everything back; it is rare.
    #[allow(clippy::result_large_err)]
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected>;

    /// Waits until all messages queued before are delivered or have failed, for `timeout` at most. Returns `false` if the time is up.
    fn flush(&self, timeout: Duration) -> bool;

    /// Its transactions, if it has them.
    fn transactions(&self) -> Option<&dyn Transactions> {
        None
    }

    /// The number of a topic's partitions. Blocks for up to `timeout`. Never creates the topic.
    ///
    /// # Errors
    ///
    /// If the topic does not exist, the broker does not answer, or this publisher does not support it.
    fn partitions(&self, topic: &str, timeout: Duration) -> Result<u32, PublishError> {
        let _ = timeout;
        Err(PublishError::new(
            PublishErrorKind::NoPartition,
            format!("this publisher does not support reading the number of partitions of topic `{topic}`"),
        ))
    }

    /// Which of these topics the broker does not have, or does not show. Blocks for up to `timeout`. Never creates a topic.
    ///
    /// # Errors
    ///
    /// If the broker does not answer.
    fn missing(&self, topics: &[&str], timeout: Duration) -> Result<Vec<String>, PublishError> {
        let _ = (topics, timeout);
        Ok(Vec::new())
    }
}

impl<P: Publisher + ?Sized> Publisher for Arc<P> {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        (**self).send(message, done)
    }

    fn flush(&self, timeout: Duration) -> bool {
        (**self).flush(timeout)
    }

    fn transactions(&self) -> Option<&dyn Transactions> {
        (**self).transactions()
    }

    fn partitions(&self, topic: &str, timeout: Duration) -> Result<u32, PublishError> {
        (**self).partitions(topic, timeout)
    }

    fn missing(&self, topics: &[&str], timeout: Duration) -> Result<Vec<String>, PublishError> {
        (**self).missing(topics, timeout)
    }
}

/// The callback with the result of a delivery.
pub type Completion = Box<dyn FnOnce(Result<(), Undelivered>) + Send>;

/// A message that the broker does not have.
#[derive(Debug)]
pub struct Undelivered {
    /// The message.
    pub message: Message,
    /// Why.
    pub error: PublishError,
}

/// A message that a full queue gives back.
pub struct Rejected {
    /// The message.
    pub message: Message,
    /// Its completion, uncalled.
    pub done: Completion,
}
