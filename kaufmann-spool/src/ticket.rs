//! One appended entry: the ticket that its caller waits with, and the slot that queue, writer and reader share.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::entry::{Encode, Entry};
use crate::error::AppendError;
use crate::spool::Shared;

/// Which promise was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// The entry is on the disk. It survives crashes and power cuts, and will be delivered.
    Stored,
    /// The entry was [delivered](crate::Spool::delivered), and never needed the disk.
    Delivered,
}

/// A handle to an entry that is neither stored nor delivered yet: await its [`Promise`], or call [`Ticket::wait`]. Dropping it withdraws
/// the entry, unless it is already being written or delivered.
#[derive(Debug)]
#[must_use = "dropping the ticket withdraws the entry"]
pub struct Ticket {
    pub(crate) slot: Arc<Slot>,
    pub(crate) shared: Weak<Shared>,
}

/// An entry and its state.
#[derive(Debug)]
pub(crate) struct Slot {
    entry: Entry,
    /// The encoded, unconfirmed entry of an earlier process, instead of `entry`.
    unconfirmed: Option<Vec<u8>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Encode for Slot {
    fn encoded_len(&self) -> usize {
        match &self.unconfirmed {
            Some(bytes) => bytes.len(),
            None => self.entry.encoded_len(),
        }
    }

    fn encode(&self, to: &mut Vec<u8>) {
        match &self.unconfirmed {
            Some(bytes) => to.extend(bytes),
            None => self.entry.encode(to),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    step: Step,
    /// Whether it can no longer be withdrawn: a reader has it, or its ticket was detached.
    bound: bool,
    /// Whether a thread waits on `changed`.
    waited_for: bool,
    waker: Option<Waker>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Step {
    #[default]
    Waiting,
    /// It is being written or delivered, and cannot be withdrawn.
    Busy,
    Done(Result<Promise, AppendError>),
    Withdrawn,
}

impl Slot {
    pub(crate) fn new(entry: Entry, unconfirmed: Option<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self {
            entry,
            unconfirmed,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether it is an unconfirmed entry of an earlier process, which must be on the disk before it is read.
    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.unconfirmed.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks it as being written; `false` if it is withdrawn.
    pub(crate) fn begin_write(&self) -> bool {
        let mut state = self.state();
        let wanted = state.step != Step::Withdrawn;
        if wanted {
            state.step = Step::Busy;
        }
        wanted
    }

    /// Marks it as waiting again, because the write failed.
    pub(crate) fn write_failed(&self) {
        let mut state = self.state();
        if state.step == Step::Busy && !state.bound {
            state.step = Step::Waiting;
        }
    }

    /// Gives it to a reader; `false` if it is withdrawn.
    pub(crate) fn hand_out(&self) -> bool {
        let mut state = self.state();
        if state.step == Step::Withdrawn {
            return false;
        }
        state.bound = true;
        if state.step == Step::Waiting {
            state.step = Step::Busy;
        }
        true
    }

    pub(crate) fn finish(&self, result: Result<Promise, AppendError>) {
        let mut state = self.state();
        state.step = Step::Done(result);
        let waker = state.waker.take();
        let waited_for = state.waited_for;
        drop(state);
        if waited_for {
            self.changed.notify_all();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Ticket {
    /// Drops the ticket without withdrawing the entry, which is then stored or delivered without a report.
    pub fn detach(self) {
        let mut state = self.slot.state();
        state.bound = true;
        if state.step == Step::Waiting {
            state.step = Step::Busy;
        }
    }

    /// Waits until the entry is stored or delivered.
    ///
    /// # Errors
    ///
    /// If neither happens within `patience`. Only after [`AppendError::Unanswered`] may the entry still be stored or delivered.
    pub fn wait(self, patience: Duration) -> Result<Promise, AppendError> {
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
            state.waited_for = true;
            state = self
                .slot
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if state.step == Step::Busy {
            return Err(AppendError::Unanswered { waited: patience });
        }
        state.step = Step::Withdrawn;
        drop(state);
        let shared = self.shared.upgrade();
        Err(shared.map_or(AppendError::Closed, |shared| shared.full(patience)))
    }
}

impl Future for Ticket {
    type Output = Result<Promise, AppendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.state();
        if let Step::Done(result) = &state.step {
            return Poll::Ready(result.clone());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.slot.state();
        if state.step == Step::Waiting {
            state.step = Step::Withdrawn;
        }
    }
}
