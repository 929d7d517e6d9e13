//! A bound on the number of messages, as a semaphore. It also knows whether a caller waits for permits that are taken, and not only
//! for its turn.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// The permits, one for each message.
pub(super) struct Capacity {
    permits: Semaphore,
    size: usize,
    usage: Mutex<Usage>,
}

/// How many permits are taken, and what callers wait for.
#[derive(Default, Debug)]
struct Usage {
    /// Permits that were taken and not given back.
    taken: usize,
    /// The number of waiting callers, by how many permits they need.
    wanted: BTreeMap<usize, usize>,
}

/// A waiting caller, and how many permits it needs.
struct Waiting<'a>(&'a Capacity, usize);

impl Capacity {
    /// Capacity for `size` messages, at least for one.
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            permits: Semaphore::new(size),
            size,
            usage: Mutex::default(),
        }
    }

    /// Takes permits for messages, and returns how many to give back: all of them, if a caller has more messages than the capacity.
    /// Waits while there are too few, and calls `needed` if only permits that are taken already can end that.
    pub(super) async fn take(&self, messages: usize, needed: impl FnOnce()) -> usize {
        let share = messages.min(self.size);
        let permits = u32::try_from(share).expect("the size is a `u32`");
        let permit = match self.permits.try_acquire_many(permits) {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = self.wait(share, needed);
                let permit = self.permits.acquire_many(permits).await;
                permit.expect("the semaphore is never closed")
            }
        };
        permit.forget();
        self.lock().taken += share;
        share
    }

    /// Gives permits back.
    pub(super) fn give_back(&self, share: usize) {
        self.lock().taken -= share;
        self.permits.add_permits(share);
    }

    /// Whether a caller waits for permits that are taken. A caller that has been granted permits and not polled yet does not count.
    pub(super) fn is_needed(&self) -> bool {
        self.lock().is_needed(self.size)
    }

    fn wait(&self, share: usize, needed: impl FnOnce()) -> Waiting<'_> {
        let mut own = self.lock();
        let before = own.is_needed(self.size);
        *own.wanted.entry(share).or_default() += 1;
        let now = own.is_needed(self.size);
        drop(own);
        if now && !before {
            needed();
        }
        Waiting(self, share)
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usage {
    fn is_needed(&self, size: usize) -> bool {
        // If the largest request fits, all waiting callers are granted one after another.
        let largest = self.wanted.last_key_value();
        largest.is_some_and(|(share, _)| self.taken + share > size)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut own = self.0.lock();
        if let Some(count) = own.wanted.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                own.wanted.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use proptest::prelude::*;

    use super::*;

    fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_caller_that_waits_for_taken_permits_needs_them_and_one_that_was_granted_does_not() {
        let (room, calls) = (Capacity::new(3), Cell::new(0));
        let needed = || calls.set(calls.get() + 1);
        assert_eq!(poll(pin!(room.take(2, needed))), Poll::Ready(2));
        assert!(!room.is_needed());
        let (mut second, mut third) = (pin!(room.take(2, needed)), pin!(room.take(1, needed)));
        assert!(poll(second.as_mut()).is_pending());
        assert!(room.is_needed());
        // It would fit, but it is not its turn.
        assert!(poll(third.as_mut()).is_pending());
        assert_eq!(calls.get(), 1, "one call is enough");
        room.give_back(2);
        assert!(!room.is_needed(), "both are granted");
        assert_eq!(poll(third.as_mut()), Poll::Ready(1));
        assert_eq!(poll(second.as_mut()), Poll::Ready(2));
        assert!(!room.is_needed(), "it is full, and nobody waits");
    }

    #[test]
    fn a_caller_with_more_messages_than_the_capacity_waits_for_all_of_it() {
        let room = Capacity::new(3);
        assert_eq!(poll(pin!(room.take(1, || ()))), Poll::Ready(1));
        let mut large = pin!(room.take(10, || ()));
        assert!(poll(large.as_mut()).is_pending());
        assert!(room.is_needed());
        room.give_back(1);
        assert_eq!(poll(large.as_mut()), Poll::Ready(3));
    }

    #[test]
    fn a_caller_that_stops_waiting_needs_no_permits() {
        let room = Capacity::new(1);
        assert_eq!(poll(pin!(room.take(1, || ()))), Poll::Ready(1));
        {
            let mut gone = pin!(room.take(1, || ()));
            assert!(poll(gone.as_mut()).is_pending());
            assert!(room.is_needed());
        }
        assert!(!room.is_needed());
        assert!(
            poll(pin!(room.take(0, || ()))).is_ready(),
            "no messages need no permits"
        );
    }

    proptest! {
        /// Callers take, give back and stop waiting: if none can be granted, every waiting one needs permits; and then some are taken.
        #[test]
        fn every_waiting_caller_is_noticed(size in 1..6_usize, steps in prop::collection::vec((0..4_u8, 0..8_usize), 1..60)) {
            let (room, told) = (Capacity::new(size), Cell::new(false));
            let mut waiting: Vec<Pin<Box<dyn Future<Output = usize> + '_>>> = Vec::new();
            let mut taken: Vec<usize> = Vec::new();
            for (what, number) in steps {
                match what {
                    0 | 1 => waiting.push(Box::pin(room.take(number, || told.set(true)))),
                    2 if !taken.is_empty() => room.give_back(taken.remove(number % taken.len())),
                    3 if !waiting.is_empty() => drop(waiting.remove(number % waiting.len())),
                    _ => {}
                }
                let mut left = usize::MAX;
                while waiting.len() < left {
                    left = waiting.len();
                    waiting.retain_mut(|one| match poll(one.as_mut()) {
                        Poll::Ready(share) => {
                            taken.push(share);
                            false
                        }
                        Poll::Pending => true,
                    });
                }
                prop_assert!(taken.iter().sum::<usize>() <= size);
                prop_assert_eq!(room.is_needed(), !waiting.is_empty());
                prop_assert!(!room.is_needed() || taken.iter().sum::<usize>() > 0);
            }
        }
    }
}
