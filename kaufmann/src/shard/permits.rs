//! A shard's share of the permits for events in flight.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// At most one permit is held for what runs inline; the others belong to what is pending.
///
/// Permits are handed on in the order in which shards ask for them, so that none starves.
#[derive(Debug)]
pub(super) struct Permits {
    all: Arc<Semaphore>,
    queue: PollSemaphore,
    held: bool,
    asking: bool,
}

impl Permits {
    pub(super) fn new(all: Arc<Semaphore>) -> Self {
        Self {
            queue: PollSemaphore::new(Arc::clone(&all)),
            all,
            held: false,
            asking: false,
        }
    }

    /// Holds a permit. `false`: there is none; the task is woken when it gets one.
    #[inline]
    pub(super) fn hold(&mut self, cx: &mut Context<'_>) -> bool {
        self.held || self.acquire(cx)
    }

    /// The held permit goes to a handler that is pending.
    pub(super) fn take(&mut self) {
        self.held = false;
    }

    /// A pending handler ended.
    pub(super) fn give_back(&self) {
        self.all.add_permits(1);
    }

    /// Gives the held permit back. Without anything to run the place in the queue is given up too: a permit that is granted
    /// and not fetched is lost to the others.
    pub(super) fn rest(&mut self, idle: bool) {
        if std::mem::take(&mut self.held) {
            self.all.add_permits(1);
        }
        if idle && std::mem::take(&mut self.asking) {
            self.queue = PollSemaphore::new(Arc::clone(&self.all));
        }
    }

    fn acquire(&mut self, cx: &mut Context<'_>) -> bool {
        match self.queue.poll_acquire(cx) {
            Poll::Ready(permit) => {
                let permit = permit.expect("the semaphore is never closed");
                permit.forget();
                (self.held, self.asking) = (true, false);
            }
            Poll::Pending => self.asking = true,
        }
        self.held
    }
}
