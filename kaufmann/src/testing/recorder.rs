//! A publisher that records what another publisher has delivered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::publish::{Completion, Message, PublishError, Publisher, Rejected};

/// Records the delivered messages, in order. Clones share them.
#[derive(Clone)]
pub(super) struct Recorder {
    inner: Arc<dyn Publisher>,
    /// The prefix of all topics, which is removed for the test.
    prefix: Arc<str>,
    delivered: Arc<Mutex<Vec<Message>>>,
}

impl Recorder {
    pub(super) fn new(inner: Arc<dyn Publisher>, prefix: &str) -> Self {
        Self {
            inner,
            prefix: prefix.into(),
            delivered: Arc::default(),
        }
    }

    pub(super) fn delivered(&self) -> MutexGuard<'_, Vec<Message>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher for Recorder {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        let mut copy = message.clone();
        if let Some(topic) = message.topic.strip_prefix(&*self.prefix) {
            copy.topic = topic.into();
        }
        let recorder = self.clone();
        let recording = move |result: Result<(), _>| {
            if result.is_ok() {
                recorder.delivered().push(copy);
            }
            done(result);
        };
        self.inner.send(message, Box::new(recording))
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.inner.flush(timeout)
    }

    fn partitions(&self, topic: &str, timeout: Duration) -> Result<u32, PublishError> {
        self.inner.partitions(topic, timeout)
    }

    fn missing(&self, topics: &[&str], timeout: Duration) -> Result<Vec<String>, PublishError> {
        self.inner.missing(topics, timeout)
    }
}
