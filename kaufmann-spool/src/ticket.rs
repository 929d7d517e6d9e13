//! What the one who stores an entry waits with.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::spool::Shared;

/// An entry on its way to the disk: a future of its number, or [`Ticket::wait`]. If it is dropped before a write has begun, the entry
/// is not stored.
#[derive(Debug)]
#[must_use = "an entry whose ticket is dropped may not be stored"]
pub struct Ticket {
    pub(crate) slot: Arc<Slot>,
    pub(crate) shared: Weak<Shared>,
}

/// What the ticket and the writer share.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    step: Step,
    waker: Option<Waker>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Step {
    #[default]
    Waiting,
    /// A write of it is under way.
    Writing,
    Done(Result<u64, StoreError>),
    /// Nobody waits for it.
    Abandoned,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to write it; `false` if nobody wants that any more.
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state();
        if state.step == Step::Abandoned {
            return false;
        }
        state.step = Step::Writing;
        true
    }

    /// The write has failed; it is tried again.
    pub(crate) fn again(&self) {
        let mut state = self.state();
        if state.step == Step::Writing {
            state.step = Step::Waiting;
        }
    }

    pub(crate) fn finish(&self, result: Result<u64, StoreError>) {
        let mut state = self.state();
        state.step = Step::Done(result);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Ticket {
    /// Waits until the entry is on the disk, and returns its number.
    ///
    /// # Errors
    ///
    /// If it is not within the time. Only after [`StoreError::Unanswered`] it may be stored nevertheless.
    pub fn wait(self, patience: Duration) -> Result<u64, StoreError> {
        let begun = Instant::now();
        let mut state = self.slot.state();
        loop {
            if let Step::Done(result) = &state.step {
                return result.clone();
            }
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            state = self
                .slot
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if state.step == Step::Writing {
            return Err(StoreError::Unanswered { waited: patience });
        }
        state.step = Step::Abandoned;
        drop(state);
        Err(self.full(patience))
    }

    fn full(&self, waited: Duration) -> StoreError {
        self.shared
            .upgrade()
            .map_or(StoreError::Closed, |shared| shared.full(waited))
    }
}

impl Future for Ticket {
    type Output = Result<u64, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.state();
        if let Step::Done(result) = &state.step {
            return Poll::Ready(result.clone());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.slot.state();
        if state.step == Step::Waiting {
            state.step = Step::Abandoned;
        }
    }
}
