//! A shard's share of the permits for events in flight.

use std::sync::Arc;
use std::task::Context;

use crate::engine::pool::Pool;

/// The permits of one shard: at most one is held for what runs inline; the others belong to pending handlers.
///
/// If there are too few, they go to the shards in which most keys wait ([`crate::engine::shares`]).
#[derive(Debug)]
pub(super) struct Permits {
    pool: Arc<Pool>,
    shard: usize,
    held: bool,
    /// Whether no permit was free when it was needed in this round.
    refused: bool,
    /// Whether the shard may be queued for one.
    queued: bool,
}

impl Permits {
    pub(super) fn new(pool: Arc<Pool>, shard: usize) -> Self {
        Self {
            pool,
            shard,
            held: false,
            refused: false,
            queued: false,
        }
    }

    /// Holds a permit. `false` if none is free: the task is woken when the shard gets one. `wants` is how many it could use.
    #[inline]
    pub(super) fn hold(&mut self, wants: usize, cx: &mut Context<'_>) -> bool {
        self.held || self.acquire(wants, cx)
    }

    /// Passes the held permit to a pending handler.
    pub(super) fn take(&mut self) {
        self.held = false;
    }

    /// Gives back the permit of a pending handler that ended. `wants` is how many permits the shard could use now.
    pub(super) fn give_back(&self, wants: usize) {
        self.pool.give_back(self.shard, Some(wants));
    }

    /// Ends a round: gives the held permit back. If no permit was refused, leaves the queue too: other shards cannot use a permit that is
    /// granted and not taken.
    pub(super) fn rest(&mut self, wants: usize) {
        if std::mem::take(&mut self.held) {
            self.give_back(wants);
        }
        if !std::mem::take(&mut self.refused) && std::mem::take(&mut self.queued) {
            self.pool.leave(self.shard);
        }
    }

    fn acquire(&mut self, wants: usize, cx: &mut Context<'_>) -> bool {
        self.held = self.pool.take(self.shard, wants, cx.waker());
        if !self.held {
            (self.refused, self.queued) = (true, true);
        }
        self.held
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Shards take permits, run handlers that stay pending, finish them, and end rounds, in any order.
        #[test]
        fn never_more_permits_are_out_than_there_are_and_none_is_lost(
            all in 1..4usize,
            steps in prop::collection::vec((0..3usize, 0..4u8, 0..9usize), 1..300),
        ) {
            let pool = Arc::new(Pool::new(all, 3));
            let mut shards: Vec<_> = (0..3).map(|shard| (Permits::new(Arc::clone(&pool), shard), 0)).collect();
            let mut cx = Context::from_waker(Waker::noop());
            for (shard, step, wants) in steps {
                let (permits, pending) = &mut shards[shard];
                match step {
                    0 => _ = permits.hold(wants, &mut cx),
                    1 if permits.held => {
                        permits.take();
                        *pending += 1;
                    }
                    2 if *pending > 0 => {
                        permits.give_back(wants);
                        *pending -= 1;
                    }
                    3 => permits.rest(wants),
                    _ => {}
                }
                let out: usize = shards.iter().map(|(permits, pending)| pending + usize::from(permits.held)).sum();
                prop_assert!(out <= all);
            }
            for (permits, pending) in &mut shards {
                (0..*pending).for_each(|_| permits.give_back(0));
                // The first `rest` ends a round in which a permit may have been refused.
                permits.rest(0);
                permits.rest(0);
            }
            prop_assert!((0..all).all(|_| pool.try_take(0)));
            prop_assert!(!pool.try_take(0));
        }
    }
}
