//! Reusable slots in which handlers' futures are built and polled.
//!
//! All events of a service share one future type, so a free slot fits the next event: a handler that is ready at once costs no
//! allocation, and a pending one moves as a pointer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::base::panics::{Panic, catch};

/// A slot for a future.
pub(crate) type Slot<F> = Pin<Box<Option<F>>>;

/// How many free slots are kept at most.
const MAX_FREE: usize = 1024;

/// Free slots.
#[derive(Debug)]
pub(crate) struct Slots<F> {
    free: Vec<Slot<F>>,
}

impl<F: Future> Slots<F> {
    pub(crate) fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// Returns an empty slot.
    #[inline]
    pub(crate) fn take(&mut self) -> Slot<F> {
        self.free.pop().unwrap_or_else(Self::allocate)
    }

    #[cold]
    fn allocate() -> Slot<F> {
        Box::pin(None)
    }

    /// Takes an empty slot back.
    #[inline]
    pub(crate) fn give_back(&mut self, slot: Slot<F>) {
        if self.free.len() < MAX_FREE {
            self.free.push(slot);
        }
    }
}

/// Polls the future in a slot. When it is ready or panics, the slot is empty.
///
/// The whole shard runs within [`catch`], which reports the panic.
#[inline]
pub(crate) fn poll<F: Future>(slot: &mut Slot<F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panic>> {
    // A panicking handler leaves two things: its future, which is dropped at once, and the service's state, which may be as
    // inconsistent as after a panic in a spawned task.
    let polled = catch_unwind(AssertUnwindSafe(|| match slot.as_mut().as_pin_mut() {
        Some(future) => future.poll(cx),
        None => unreachable!("a slot is polled only while it is filled"),
    }));
    let result = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(payload) => Err(Panic::of(payload)),
    };
    empty(slot, result)
}

fn empty<F, T>(slot: &mut Slot<F>, result: Result<T, Panic>) -> Poll<Result<T, Panic>> {
    // Dropping the future may panic as well, which does not change what it returned.
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

/// Drops a future that is not ready, and catches a panic of its destructors.
pub(crate) fn drop_future<F>(slot: &mut Slot<F>) {
    if let Err(panic) = catch(|| slot.set(None)) {
        tracing::error!(
            error = panic.text(),
            place = panic.place(),
            "the drop of an unfinished handler panicked"
        );
    }
}
