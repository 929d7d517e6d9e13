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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use proptest::prelude::*;
    use shuttle::future;
    use shuttle::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::interleavings::SCHEDULES;

    proptest! {
        /// Shards ask, run handlers that stay pending, finish them, and go idle, in any order.
        #[test]
        fn never_more_permits_are_out_than_there_are_and_none_is_lost(
            all in 1..4usize,
            steps in prop::collection::vec((0..3usize, 0..4u8), 1..300),
        ) {
            let semaphore = Arc::new(Semaphore::new(all));
            let mut shards: Vec<_> = (0..3).map(|_| (Permits::new(Arc::clone(&semaphore)), 0)).collect();
            let mut cx = Context::from_waker(Waker::noop());
            for (shard, step) in steps {
                let (permits, pending) = &mut shards[shard];
                match step {
                    0 => _ = permits.hold(&mut cx),
                    1 if permits.held => {
                        permits.take();
                        *pending += 1;
                    }
                    2 if *pending > 0 => {
                        permits.give_back();
                        *pending -= 1;
                    }
                    3 => permits.rest(true),
                    _ => {}
                }
                let out: usize = shards.iter().map(|(permits, pending)| pending + usize::from(permits.held)).sum();
                prop_assert!(out <= all);
            }
            for (permits, pending) in &mut shards {
                (0..*pending).for_each(|_| permits.give_back());
                permits.rest(true);
            }
            prop_assert_eq!(semaphore.available_permits(), all);
        }
    }

    /// How many shards there are, and how many records each of them has.
    const SHARDS: usize = 3;
    const RECORDS: usize = 3;

    /// Runs a shard's records, each second one as a handler that stays pending; the last one is given up if there is no permit for it.
    async fn shard(all: Arc<Semaphore>, running: Arc<AtomicUsize>, limit: usize) -> Permits {
        let mut permits = Permits::new(all);
        for record in 0..RECORDS {
            let is_last = record == RECORDS - 1;
            let granted = poll_fn(|cx| match permits.hold(cx) {
                true => Poll::Ready(true),
                false if is_last => Poll::Ready(false),
                false => Poll::Pending,
            });
            if !granted.await {
                break;
            }
            assert!(running.fetch_add(1, Ordering::SeqCst) < limit);
            if record % 2 == 0 {
                permits.take();
                future::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                permits.give_back();
            } else {
                future::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                permits.rest(false);
            }
        }
        permits.rest(true);
        permits
    }

    #[test]
    fn a_shard_that_waits_for_a_permit_gets_one_and_none_is_lost_to_one_that_has_gone_idle() {
        for limit in 1..3 {
            let model = move || {
                let (all, running) = (Arc::new(Semaphore::new(limit)), Arc::new(AtomicUsize::new(0)));
                let shards: Vec<_> = (0..SHARDS)
                    .map(|_| future::spawn(shard(Arc::clone(&all), Arc::clone(&running), limit)))
                    .collect();
                // A shard that is idle is still there.
                let mut idle = Vec::new();
                future::block_on(async {
                    for shard in shards {
                        idle.push(shard.await.unwrap());
                    }
                });
                assert_eq!(all.available_permits(), limit);
            };
            shuttle::check_random(model, SCHEDULES);
            shuttle::check_pct(model, SCHEDULES, 3);
        }
    }
}
