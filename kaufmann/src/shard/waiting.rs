//! Records whose back-off is not over.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Records by the time at which they are tried again, with one timer for the earliest.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    queue: BTreeMap<(Instant, u64), T>,
    inserted: u64,
    timer: Pin<Box<Sleep>>,
}

impl<T> Waiting<T> {
    /// Must be called within a runtime, whose clock it uses.
    pub(super) fn new() -> Self {
        Self {
            queue: BTreeMap::new(),
            inserted: 0,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    pub(super) fn insert(&mut self, item: T, delay: Duration) {
        self.inserted += 1;
        self.queue.insert((Instant::now() + delay, self.inserted), item);
    }

    /// Whether there is an item whose time has come; if not, the task is woken when it has.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((&(at, _), _)) = self.queue.first_key_value() else {
            return false;
        };
        if at <= Instant::now() {
            return true;
        }
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx) == Poll::Ready(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.values()
    }

    /// Takes the earliest item.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.queue.pop_first().map(|(_, item)| item)
    }

    /// Takes the items for which `pick` is true.
    pub(super) fn take(&mut self, pick: impl Fn(&T) -> bool) -> Vec<T> {
        self.queue
            .extract_if(.., |_, item| pick(item))
            .map(|(_, item)| item)
            .collect()
    }
}
