//! What crosses threads, in the orders that a model checker chooses: the hand-over to the shards, the reports back, and who
//! wakes whom.
//!
//! The files are the product's own, compiled with the model's primitives. A thread that sleeps here has nothing but its wake-up
//! to go on: one that is lost is a deadlock, which the model reports with the schedule that leads to it.
#![allow(clippy::duplicate_mod, reason = "that is how they get the model's primitives")]

mod barrier;
mod inbox;
mod pool;
mod settlements;

use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};

use crate::source::Waker;

/// What the product takes from `crate::base::sync`.
mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicI64, AtomicUsize};
    pub(super) use shuttle::sync::{Mutex, MutexGuard};
}

/// How many schedules are tried of each model.
pub(crate) const SCHEDULES: usize = 3_000;

/// Lets others go first, perhaps: the model changes threads only where one of its primitives is used.
fn others_first() {
    shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
}

/// A place where one thread sleeps until it is woken, as `park` and `unpark` do it.
#[derive(Clone, Default)]
struct Bed(Arc<(Mutex<bool>, Condvar)>);

impl Bed {
    /// Wakes who sleeps here, or whoever wants to next.
    fn waker(&self) -> Waker {
        let bed = self.clone();
        Waker::new(move || {
            *bed.0.0.lock().unwrap() = true;
            bed.0.1.notify_one();
        })
    }

    fn sleep(&self) {
        let mut woken = self.0.0.lock().unwrap();
        while !std::mem::take(&mut *woken) {
            woken = self.0.1.wait(woken).unwrap();
        }
    }
}
