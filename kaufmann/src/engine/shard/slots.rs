//! HandlerPermits in which handlers' futures are built and polled, used again and again.
//!
//! All events of a service share one future type, so a place that is free fits the next event: an instant handler costs no
//! allocation, and a pending one moves as a pointer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::panics::{Panic, catch};

/// A place for a future.
pub(crate) type Slot<F> = Pin<Box<Option<F>>>;

/// How many free places are kept at most.
const MAX_FREE: usize = 1024;

/// Free places.
#[derive(Debug)]
pub(crate) struct Slots<F> {
    free: Vec<Slot<F>>,
}

impl<F: Future> Slots<F> {
    pub(crate) fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// An empty place.
    #[inline]
    pub(crate) fn take(&mut self) -> Slot<F> {
        self.free.pop().unwrap_or_else(Self::allocate)
    }

    #[cold]
    fn allocate() -> Slot<F> {
        Box::pin(None)
    }

    /// Takes an empty place back.
    #[inline]
    pub(crate) fn give_back(&mut self, slot: Slot<F>) {
        if self.free.len() < MAX_FREE {
            self.free.push(slot);
        }
    }
}

/// Polls the future in a place. When it is done, or panics, the place is empty.
///
/// The shard as a whole runs within [`catch`], so nothing else is needed here to have the panic reported.
#[inline]
pub(crate) fn poll<F: Future>(slot: &mut Slot<F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panic>> {
    // What a panicking handler leaves behind is its own future, which is dropped at once, and the service's state, of which
    // the same is true as after a panic in a spawned task.
    let polled = catch_unwind(AssertUnwindSafe(|| match slot.as_mut().as_pin_mut() {
        Some(future) => future.poll(cx),
        None => unreachable!("a place is polled only while it is filled"),
    }));
    let result = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(payload) => Err(Panic::of(payload)),
    };
    empty(slot, result)
}

fn empty<F, T>(slot: &mut Slot<F>, result: Result<T, Panic>) -> Poll<Result<T, Panic>> {
    // Dropping the future may panic as well. If it has returned, that changes nothing of what it returned.
    match catch_unwind(AssertUnwindSafe(|| slot.set(None))).map_err(Panic::of) {
        Err(panic) if result.is_ok() => {
            tracing::error!(
                error = panic.text(),
                place = panic.place(),
                "the drop of a finished handler panicked"
            );
            Poll::Ready(result)
        }
        _ => Poll::Ready(result),
    }
}

/// Drops a future that is not done. A panic of its destructors ends there.
pub(crate) fn drop_future<F>(slot: &mut Slot<F>) {
    if let Err(panic) = catch(|| slot.set(None)) {
        tracing::error!(
            error = panic.text(),
            place = panic.place(),
            "the drop of an unfinished handler panicked"
        );
    }
}
