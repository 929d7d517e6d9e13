//! Permits that the shards share, and which shard to wake when one is free.

use std::sync::PoisonError;
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::sync::{Mutex, MutexGuard};
use crate::engine::shares::Shares;

/// A bounded number of permits to run a handler. The handlers that a shard runs inline in one round use one permit, so the lock is taken once for them.
#[derive(Debug)]
pub(crate) struct Pool {
    shares: Mutex<Shares>,
    /// By the shard's number.
    wakers: Box<[AtomicWaker]>,
}

impl Pool {
    pub(crate) fn new(permits: usize, shards: usize) -> Self {
        Self {
            shares: Mutex::new(Shares::new(permits, shards)),
            wakers: (0..shards).map(|_| AtomicWaker::new()).collect(),
        }
    }

    /// Takes a permit for a shard, if one is free.
    pub(crate) fn try_take(&self, shard: usize) -> bool {
        self.lock().take(shard, 0)
    }

    /// Takes a permit for a shard. If none is free, queues the shard as one that could use `wants`, and wakes it when it gets one.
    pub(crate) fn take(&self, shard: usize, wants: usize, waker: &Waker) -> bool {
        // Before it is queued: a permit may be granted at once.
        self.wakers[shard].register(waker);
        self.lock().take(shard, wants.max(1))
    }

    /// Gives a shard's permit back. `wants` is how many it could use now, if it is queued.
    pub(crate) fn give_back(&self, shard: usize, wants: Option<usize>) {
        let next = self.lock().give_back(shard, wants);
        self.wake(next);
    }

    /// Removes a shard from the queue; permits that were granted to it go to others.
    pub(crate) fn leave(&self, shard: usize) {
        loop {
            let next = self.lock().leave(shard);
            if next.is_none() {
                return;
            }
            self.wake(next);
        }
    }

    fn wake(&self, shard: Option<usize>) {
        if let Some(waker) = shard.and_then(|shard| self.wakers.get(shard)) {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
