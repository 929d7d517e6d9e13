//! A partition as long as it is ours. A later assignment of the same partition is another one: it has another id.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// One assignment of a partition, shared by its records.
#[derive(Debug)]
pub struct Assignment {
    id: u64,
    topic: Arc<str>,
    partition: i32,
    fenced: AtomicBool,
    cancelled: CancellationToken,
}

impl Assignment {
    /// An assignment that has just begun. `id` is unique in the process and grows.
    #[must_use]
    pub fn new(id: u64, topic: Arc<str>, partition: i32) -> Self {
        Self {
            id,
            topic,
            partition,
            fenced: AtomicBool::new(false),
            cancelled: CancellationToken::new(),
        }
    }

    /// The assignment's epoch: unique in the process; a later one is greater.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Lets no further record start.
    pub(crate) fn fence(&self) {
        self.fenced.store(true, Ordering::Release);
    }

    /// Whether no further record may start.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Tells the handlers that are still running that their work will not count.
    pub(crate) fn cancel(&self) {
        self.cancelled.cancel();
    }

    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}
