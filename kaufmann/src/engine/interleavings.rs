//! The code that crosses threads, run in schedules that a model checker chooses: commands to the shards, reports back, and
//! wake-ups.
//!
//! The files are the product's own, compiled with the model checker's primitives. A thread that sleeps here continues only when it
//! is woken: a lost wake-up is a deadlock, which the checker reports with the schedule that leads to it.
#![allow(clippy::duplicate_mod, reason = "that is how they get the model's primitives")]

mod barrier;
mod inbox;
mod pool;
mod settlements;

use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};

use crate::source::Waker;

/// The model checker's versions of what the product imports from `crate::base::sync`.
mod sync {
    pub(super) use shuttle::sync::atomic::{AtomicI64, AtomicUsize};
    pub(super) use shuttle::sync::{Mutex, MutexGuard};
}

/// How many schedules are tried of each model.
pub(crate) const SCHEDULES: usize = 3_000;

/// Lets other threads run first, perhaps: the model checker switches threads only where one of its primitives is used.
fn yield_perhaps() {
    shuttle::sync::atomic::AtomicBool::new(false).load(std::sync::atomic::Ordering::SeqCst);
}

/// Lets one thread sleep until it is woken, like `park` and `unpark`.
#[derive(Clone, Default)]
struct Parker(Arc<(Mutex<bool>, Condvar)>);

impl Parker {
    /// Wakes the thread that sleeps, or lets the next `sleep` return at once.
    fn waker(&self) -> Waker {
        let parker = self.clone();
        Waker::new(move || {
            *parker.0.0.lock().unwrap() = true;
            parker.0.1.notify_one();
        })
    }

    fn sleep(&self) {
        let mut woken = self.0.0.lock().unwrap();
        while !std::mem::take(&mut *woken) {
            woken = self.0.1.wait(woken).unwrap();
        }
    }
}
