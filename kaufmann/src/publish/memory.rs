//! A publisher in memory, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Completion, Message, PublishError, PublishErrorKind, Publisher, Rejected, Undelivered};

/// A publisher in memory: delivers at once, unless it is told to hold messages or to refuse them. Clones share everything.
///
/// ```
/// use kaufmann::publish::MemoryPublisher;
///
/// let publisher = MemoryPublisher::new();
/// assert!(publisher.messages().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryPublisher(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    delivered: Vec<Message>,
    held: VecDeque<(Message, Completion)>,
    holding: bool,
    refusals: usize,
    rejections: usize,
    ended: bool,
    /// The topics that were looked for.
    looked_for: Vec<String>,
    /// The longest payload that is taken.
    max_payload: Option<usize>,
}

impl MemoryPublisher {
    /// A publisher that delivers at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that were delivered, in their order.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.lock().delivered.clone()
    }

    /// Delivers nothing until [`MemoryPublisher::release`].
    pub fn hold(&self) {
        self.lock().holding = true;
    }

    /// How many messages are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().held.len()
    }

    /// Delivers what is held, and everything that comes.
    pub fn release(&self) {
        let held = {
            let mut inner = self.lock();
            inner.holding = false;
            std::mem::take(&mut inner.held)
        };
        for (message, done) in held {
            self.deliver(message, done);
        }
    }

    /// Refuses the next messages, as a broker would.
    pub fn refuse(&self, count: usize) {
        self.lock().refusals = count;
    }

    /// Refuses every message from now on, as a producer does after a fatal error.
    pub fn end(&self) {
        self.lock().ended = true;
    }

    /// The topics that a service looked for when it started. In memory none is missing.
    #[must_use]
    pub fn looked_for(&self) -> Vec<String> {
        self.lock().looked_for.clone()
    }

    /// Refuses messages with a longer payload from now on, as a topic with a limit does.
    pub fn limit(&self, bytes: usize) {
        self.lock().max_payload = Some(bytes);
    }

    /// Gives the next messages back, as a full queue would.
    pub fn reject(&self, count: usize) {
        self.lock().rejections = count;
    }

    /// How many messages will still be given back.
    #[must_use]
    pub fn rejections(&self) -> usize {
        self.lock().rejections
    }

    fn deliver(&self, message: Message, done: Completion) {
        // The completion may publish, so it is called without the lock.
        let result = {
            let mut inner = self.lock();
            if inner.ended {
                let error = PublishError::new(PublishErrorKind::Ended, "this publisher was told to end");
                Err(Undelivered { message, error })
            } else if inner.max_payload.is_some_and(|max| {
                message
                    .payload
                    .as_ref()
                    .is_some_and(|payload| payload.len() > max)
            }) {
                let error =
                    PublishError::new(PublishErrorKind::TooLarge, "this message is larger than was told");
                Err(Undelivered { message, error })
            } else if inner.refusals > 0 {
                inner.refusals -= 1;
                let error =
                    PublishError::new(PublishErrorKind::Broker, "this message was told to be refused");
                Err(Undelivered { message, error })
            } else {
                inner.delivered.push(message);
                Ok(())
            }
        };
        done(result);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher for MemoryPublisher {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        {
            let mut inner = self.lock();
            if inner.rejections > 0 {
                inner.rejections -= 1;
                return Err(Rejected { message, done });
            }
            if inner.holding {
                inner.held.push_back((message, done));
                return Ok(());
            }
        }
        self.deliver(message, done);
        Ok(())
    }

    fn flush(&self, _timeout: Duration) -> bool {
        self.lock().held.is_empty()
    }

    fn missing(&self, topics: &[&str], _timeout: Duration) -> Result<Vec<String>, PublishError> {
        self.lock()
            .looked_for
            .extend(topics.iter().map(|&topic| topic.to_owned()));
        Ok(Vec::new())
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("delivered", &self.delivered.len())
            .field("held", &self.held.len())
            .finish()
    }
}
