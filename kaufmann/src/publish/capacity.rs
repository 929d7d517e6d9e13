//! Capacity for messages, taken and given back. Who finds too little waits in line, and it is known whether anybody waits for what
//! is taken, and not only for their turn.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// Capacity for so many messages.
pub(super) struct Capacity {
    permits: Semaphore,
    size: usize,
    use_of_it: Mutex<Use>,
}

/// How much is taken, and who waits for more.
#[derive(Default, Debug)]
struct Use {
    /// By those who were let in and have not given it back.
    taken: usize,
    /// How many wait for so much.
    wanted: BTreeMap<usize, usize>,
}

/// One of those who wait, for so much.
struct Waiting<'a>(&'a Capacity, usize);

impl Capacity {
    /// Capacity for `size` messages, at least for one.
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self {
            permits: Semaphore::new(size),
            size,
            use_of_it: Mutex::default(),
        }
    }

    /// Takes room for messages and says how much to give back: who alone has more than there is room for has all of it. Waits
    /// while there is too little, and calls `needed` if nothing but what is taken already can end that.
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

    /// Gives room back that was taken.
    pub(super) fn give_back(&self, share: usize) {
        self.lock().taken -= share;
        self.permits.add_permits(share);
    }

    /// Whether somebody waits whom only what is taken keeps out: not those who are let in already and have not come yet.
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

    fn lock(&self) -> MutexGuard<'_, Use> {
        self.use_of_it.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Use {
    fn is_needed(&self, size: usize) -> bool {
        // If the largest fits, all that wait are let in one after another until it comes.
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
    fn room_is_needed_by_who_waits_for_what_is_taken_and_not_by_who_is_let_in() {
        let (room, calls) = (Capacity::new(3), Cell::new(0));
        let needed = || calls.set(calls.get() + 1);
        assert_eq!(poll(pin!(room.take(2, needed))), Poll::Ready(2));
        assert!(!room.is_needed());
        let (mut second, mut third) = (pin!(room.take(2, needed)), pin!(room.take(1, needed)));
        assert!(poll(second.as_mut()).is_pending());
        assert!(room.is_needed());
        // It would fit, but it is not its turn.
        assert!(poll(third.as_mut()).is_pending());
        assert_eq!(calls.get(), 1, "who is told knows it");
        room.give_back(2);
        assert!(!room.is_needed(), "both are let in");
        assert_eq!(poll(third.as_mut()), Poll::Ready(1));
        assert_eq!(poll(second.as_mut()), Poll::Ready(2));
        assert!(!room.is_needed(), "it is full, and nobody waits");
    }

    #[test]
    fn who_has_more_than_there_is_room_for_waits_for_all_of_it() {
        let room = Capacity::new(3);
        assert_eq!(poll(pin!(room.take(1, || ()))), Poll::Ready(1));
        let mut large = pin!(room.take(10, || ()));
        assert!(poll(large.as_mut()).is_pending());
        assert!(room.is_needed());
        room.give_back(1);
        assert_eq!(poll(large.as_mut()), Poll::Ready(3));
    }

    #[test]
    fn who_waits_no_longer_needs_no_room() {
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
            "nothing needs no room"
        );
    }

    proptest! {
        /// Some take, some give back, some give up: when nobody can be let in, whoever waits needs room; and whenever it is needed
        /// there is something to give back.
        #[test]
        fn nobody_waits_unseen(size in 1..6_usize, steps in prop::collection::vec((0..4_u8, 0..8_usize), 1..60)) {
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
