//! How the poller reaches a shard.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::mpsc::UnboundedSender;

use super::sync::Mutex;
use crate::engine::fence::Survey;
use crate::engine::shard::at::At;
use crate::engine::watchdog::Census;
use crate::record::Batch;

/// What is waiting for a shard.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    letters: Mutex<VecDeque<Letter>>,
    waker: AtomicWaker,
    /// What the shard is running.
    pub(crate) at: At,
}

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum Letter {
    /// Here are records.
    Batch(Arc<Batch>),
    /// Say what has been started, and start nothing before `Resume`.
    Hold(Arc<Survey>),
    /// The limits of the last survey are set: give up what is beyond them, and go on.
    Resume,
    /// A limit is lower now: give up what is beyond it.
    Fenced,
    /// Say what is going on.
    Census(Arc<Census>),
    /// Say what runs, one line each, with the shard's number.
    Report(UnboundedSender<(usize, Vec<String>)>),
    /// End; what runs is dropped.
    End,
}

impl Inbox {
    /// Puts a letter in and wakes the shard.
    pub(crate) fn send(&self, letter: Letter) {
        self.letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(letter);
        self.waker.wake();
    }

    /// Takes all letters, in exchange for an empty buffer.
    pub(crate) fn take(&self, buffer: &mut VecDeque<Letter>) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.is_empty() {
            std::mem::swap(&mut *letters, buffer);
        } else {
            buffer.append(&mut letters);
        }
    }

    /// Whom to wake for the next letter.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
