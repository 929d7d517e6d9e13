//! A publisher in memory, for tests.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{
    Answer, Completion, Message, PublishError, PublishErrorKind, Publisher, Rejected, TransactionError,
    TransactionErrorKind, Transactions, Undelivered,
};
use crate::source::{CommitOffset, Member, MemoryFeed};

/// A publisher in memory: delivers at once, unless it is set to hold messages or to refuse them. Clones share everything.
///
/// Its transactions commit the offsets of a [`MemorySource`](crate::source::MemorySource).
///
/// ```
/// use kaufmann::publish::MemoryPublisher;
///
/// let publisher = MemoryPublisher::new();
/// assert!(publisher.messages().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryPublisher(Arc<Mutex<Inner>>);

struct Inner {
    /// How many partitions each topic has.
    partitions: u32,
    delivered: Vec<Message>,
    held: VecDeque<(Message, Completion)>,
    holding: bool,
    refusals: usize,
    rejections: usize,
    ended: bool,
    /// The topics that were looked for.
    looked_for: Vec<String>,
    /// The longest payload that is accepted.
    max_payload: Option<usize>,
    /// The topics that refuse every message.
    closed: BTreeSet<String>,
    transaction: Option<Transaction>,
    /// How many of the next transactions fail.
    failing_transactions: usize,
    /// A commit that waits for held messages.
    committing: Option<Committing>,
}

/// The default number of partitions of each topic.
const PARTITIONS: u32 = 16;

impl Default for Inner {
    fn default() -> Self {
        Self {
            partitions: PARTITIONS,
            delivered: Vec::new(),
            held: VecDeque::new(),
            holding: false,
            refusals: 0,
            rejections: 0,
            ended: false,
            looked_for: Vec::new(),
            max_payload: None,
            closed: BTreeSet::new(),
            transaction: None,
            failing_transactions: 0,
            committing: None,
        }
    }
}

/// An open transaction.
#[derive(Default)]
struct Transaction {
    messages: Vec<Message>,
    /// Whether a message of it was refused.
    torn: bool,
}

/// A commit, with the callback for its result.
type Committing = (Vec<CommitOffset>, Member, Answer);

impl MemoryPublisher {
    /// A publisher that delivers at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that were delivered, in order; those of transactions only if they were committed.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.lock().delivered.clone()
    }

    /// Sets the number of partitions of each topic, for messages whose key does not choose the partition
    /// ([`Message::placement`]). Default: 16.
    pub fn set_partitions(&self, partitions: u32) {
        self.lock().partitions = partitions;
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

    /// Delivers the held messages, and all that follow.
    pub fn release(&self) {
        let committing = loop {
            let next = {
                let mut inner = self.lock();
                let next = inner.held.pop_front();
                if next.is_none() {
                    // Not earlier, or a transaction could be committed without the message that is being delivered.
                    inner.holding = false;
                    break inner.committing.take();
                }
                next
            };
            if let Some((message, done)) = next {
                self.deliver(message, done);
            }
        };
        if let Some((offsets, member, done)) = committing {
            self.commit(offsets, member, done);
        }
    }

    /// Lets the next `count` transactions fail at their commit, so that they must be aborted.
    pub fn fail_transactions(&self, count: usize) {
        self.lock().failing_transactions = count;
    }

    /// Whether a transaction with messages is open.
    #[must_use]
    pub fn has_uncommitted(&self) -> bool {
        self.lock()
            .transaction
            .as_ref()
            .is_some_and(|transaction| !transaction.messages.is_empty())
    }

    /// Refuses the next `count` messages, as a broker would.
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

    /// Accepts messages of any length again.
    pub fn unlimit(&self) {
        self.lock().max_payload = None;
    }

    /// Refuses every message for a topic from now on, as if it did not exist; accepts them again if not `closed`.
    pub fn close_topic(&self, topic: &str, closed: bool) {
        let mut inner = self.lock();
        if closed {
            inner.closed.insert(topic.to_owned());
        } else {
            inner.closed.remove(topic);
        }
    }

    /// Gives the next `count` messages back, as a full queue would.
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
            let result = if inner.ended {
                let error = PublishError::new(PublishErrorKind::Ended, "this publisher was set to end");
                Err(Undelivered { message, error })
            } else if inner.max_payload.is_some_and(|max| {
                message
                    .payload
                    .as_ref()
                    .is_some_and(|payload| payload.len() > max)
            }) {
                let error = PublishError::new(
                    PublishErrorKind::TooLarge,
                    "this message is larger than the limit that was set",
                );
                Err(Undelivered { message, error })
            } else if inner.closed.contains(&*message.topic) {
                let error =
                    PublishError::new(PublishErrorKind::Topic, "this topic was set to refuse messages");
                Err(Undelivered { message, error })
            } else if inner.refusals > 0 {
                inner.refusals -= 1;
                let error = PublishError::new(PublishErrorKind::Broker, "this message was set to be refused");
                Err(Undelivered { message, error })
            } else {
                match &mut inner.transaction {
                    Some(transaction) => transaction.messages.push(message),
                    None => inner.delivered.push(message),
                }
                Ok(())
            };
            if let (Err(_), Some(transaction)) = (&result, &mut inner.transaction) {
                transaction.torn = true;
            }
            result
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

    fn transactions(&self) -> Option<&dyn Transactions> {
        Some(self)
    }

    fn partitions(&self, _topic: &str, _timeout: Duration) -> Result<u32, PublishError> {
        Ok(self.lock().partitions)
    }

    fn missing(&self, topics: &[&str], _timeout: Duration) -> Result<Vec<String>, PublishError> {
        self.lock()
            .looked_for
            .extend(topics.iter().map(|&topic| topic.to_owned()));
        Ok(Vec::new())
    }
}

impl Transactions for MemoryPublisher {
    fn prepare(&self, done: Answer) {
        let ended = self.lock().ended;
        done(if ended { Err(ended_error()) } else { Ok(()) });
    }

    fn begin(&self) -> Result<(), TransactionError> {
        let mut inner = self.lock();
        if inner.ended {
            return Err(ended_error());
        }
        inner.transaction = Some(Transaction::default());
        Ok(())
    }

    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer) {
        let mut inner = self.lock();
        if inner.holding {
            inner.committing = Some((offsets, member, done));
            return;
        }
        let result = inner.commit(&offsets, &member);
        drop(inner);
        done(result);
    }

    fn abort(&self, done: Answer) {
        let mut inner = self.lock();
        inner.transaction = None;
        let held = std::mem::take(&mut inner.held);
        let ended = inner.ended;
        drop(inner);
        for (message, done) in held {
            let error = PublishError::new(PublishErrorKind::Aborted, "its transaction was aborted");
            done(Err(Undelivered { message, error }));
        }
        done(if ended { Err(ended_error()) } else { Ok(()) });
    }
}

impl Inner {
    fn commit(&mut self, offsets: &[CommitOffset], member: &Member) -> Result<(), TransactionError> {
        let abort = |text: &str| TransactionError::new(TransactionErrorKind::Abort, text);
        if self.ended {
            return Err(ended_error());
        }
        let torn = self
            .transaction
            .as_ref()
            .is_none_or(|transaction| transaction.torn);
        if torn {
            return Err(abort("a message of this transaction was refused"));
        }
        if self.failing_transactions > 0 {
            self.failing_transactions -= 1;
            return Err(abort("this transaction was set to fail"));
        }
        let feed = member
            .known_by::<MemoryFeed>()
            .ok_or_else(|| abort("this member does not belong to a source in memory"))?;
        feed.commit(offsets).map_err(|error| abort(&error.to_string()))?;
        if let Some(transaction) = self.transaction.take() {
            self.delivered.extend(transaction.messages);
        }
        Ok(())
    }
}

fn ended_error() -> TransactionError {
    TransactionError::new(TransactionErrorKind::Ended, "this publisher was set to end")
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("delivered", &self.delivered.len())
            .field("held", &self.held.len())
            .finish()
    }
}
