//! Runs a service as tasks of one single-threaded runtime, on that runtime's clock, so that a simulation decides the order
//! of everything. Not a public interface: it changes without notice.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::engine::poller::{Ending, Poller, Turn};
use crate::source::{Source, Waker};

/// Runs a service step by step. Only the jitter of back-offs stays random; it can be set to 0.
///
/// The code is the product's, with two differences: the poller is a task instead of a thread, and each task asks before each of
/// its steps whether others go first.
#[derive(Clone)]
pub struct Simulation {
    /// How many shards there are.
    pub shards: usize,
    /// Decides which shard a key goes to.
    pub hash_seed: u64,
    /// Called before each step of each task; `true` lets others go first.
    pub others_first: Arc<dyn Fn() -> bool + Send + Sync>,
    /// An instant and the time of day at it, for services that must agree on the time.
    pub wall_clock: Option<(std::time::Instant, std::time::SystemTime)>,
}

impl Simulation {
    /// Wraps a shard so that others may go before each of its steps.
    pub(crate) fn interleave<F>(&self, shard: F) -> Interleaved<F> {
        Interleaved {
            simulation: self.clone(),
            inner: shard,
        }
    }

    /// Does what [`Poller::run`] does, as a task.
    pub(crate) async fn run<S: Source>(self, mut poller: Poller<S>, woken: Arc<Notify>) -> Ending {
        loop {
            while (self.others_first)() {
                tokio::task::yield_now().await;
            }
            match poller.turn(Instant::now().into_std()) {
                Turn::Busy => tokio::task::yield_now().await,
                Turn::Rest(until) => _ = tokio::time::timeout_at(until.into(), woken.notified()).await,
                Turn::Ended => return poller.leave(Instant::now().into_std()),
            }
        }
    }
}

/// Returns a waker for a poller that is a task, and what it notifies.
pub(crate) fn notifying() -> (Waker, Arc<Notify>) {
    let woken = Arc::new(Notify::new());
    let notify = Arc::clone(&woken);
    (Waker::new(move || notify.notify_one()), woken)
}

/// A future that others may go before.
pub(crate) struct Interleaved<F> {
    simulation: Simulation,
    inner: F,
}

impl<F: Future + Unpin> Future for Interleaved<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if (self.simulation.others_first)() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll(cx)
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("shards", &self.shards)
            .field("hash_seed", &self.hash_seed)
            .finish_non_exhaustive()
    }
}
