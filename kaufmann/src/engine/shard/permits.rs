//! A shard's share of the permits for events in flight.

use std::sync::Arc;
use std::task::Context;

use crate::engine::pool::Pool;

/// At most one permit is held for what runs inline; the others belong to what is pending.
///
/// Where there are too few they go to the shards in which most keys wait ([`crate::engine::shares`]).
#[derive(Debug)]
pub(super) struct Permits {
    pool: Arc<Pool>,
    shard: usize,
    held: bool,
    /// Whether it asked in vain in this round.
    asked: bool,
    /// Whether it may be in line.
    in_line: bool,
}

impl Permits {
    pub(super) fn new(pool: Arc<Pool>, shard: usize) -> Self {
        Self {
            pool,
            shard,
            held: false,
            asked: false,
            in_line: false,
        }
    }

    /// Holds a permit. `false`: there is none; the task is woken when it gets one. `wants` is how many it could use.
    #[inline]
    pub(super) fn hold(&mut self, wants: usize, cx: &mut Context<'_>) -> bool {
        self.held || self.acquire(wants, cx)
    }

    /// The held permit goes to a handler that is pending.
    pub(super) fn take(&mut self) {
        self.held = false;
    }

    /// A pending handler ended. `wants` is how many permits could be used now.
    pub(super) fn give_back(&self, wants: usize) {
        self.pool.give_back(self.shard, Some(wants));
    }

    /// A round is over. Gives the held permit back; if nothing asked for one in vain the place in line is given up too: a permit that is
    /// granted and not fetched is lost to the others.
    pub(super) fn rest(&mut self, wants: usize) {
        if std::mem::take(&mut self.held) {
            self.give_back(wants);
        }
        if !std::mem::take(&mut self.asked) && std::mem::take(&mut self.in_line) {
            self.pool.leave(self.shard);
        }
    }

    fn acquire(&mut self, wants: usize, cx: &mut Context<'_>) -> bool {
        self.held = self.pool.take(self.shard, wants, cx.waker());
        if !self.held {
            (self.asked, self.in_line) = (true, true);
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
        /// Shards ask, run handlers that stay pending, finish them, and rest, in any order.
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
                // The first one ends the round in which it may have asked.
                permits.rest(0);
                permits.rest(0);
            }
            prop_assert!((0..all).all(|_| pool.try_take(0)));
            prop_assert!(!pool.try_take(0));
        }
    }
}
