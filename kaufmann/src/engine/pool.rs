//! HandlerPermits that the shards share, and whom to wake for one.

use std::sync::PoisonError;
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::sync::{Mutex, MutexGuard};
use crate::engine::shares::Shares;

/// HandlerPermits for what may run at once. A shard takes and gives back; the lock is taken once for what runs inline between two pauses.
#[derive(Debug)]
pub(crate) struct Pool {
    shares: Mutex<Shares>,
    /// By the shard's number.
    wakers: Box<[AtomicWaker]>,
}

impl Pool {
    pub(crate) fn new(places: usize, shards: usize) -> Self {
        Self {
            shares: Mutex::new(Shares::new(places, shards)),
            wakers: (0..shards).map(|_| AtomicWaker::new()).collect(),
        }
    }

    /// A place for a shard, if one is free.
    pub(crate) fn try_take(&self, shard: usize) -> bool {
        self.lock().take(shard, 0)
    }

    /// A place for a shard. If none is free it is in line, as one that could use so many, and is woken when it gets one.
    pub(crate) fn take(&self, shard: usize, wants: usize, waker: &Waker) -> bool {
        // Before it is in line: a place may come at once.
        self.wakers[shard].register(waker);
        self.lock().take(shard, wants.max(1))
    }

    /// A shard gives a place back. `wants` is how many it could use now, if it is in line.
    pub(crate) fn give_back(&self, shard: usize, wants: Option<usize>) {
        let next = self.lock().give_back(shard, wants);
        self.wake(next);
    }

    /// A shard is in line no more; what was granted to it is for others.
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
