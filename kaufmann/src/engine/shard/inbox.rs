//! How the poller reaches a shard.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::mpsc::UnboundedSender;

use super::sync::Mutex;
use crate::engine::fence::Barrier;
use crate::engine::shard::at::At;
use crate::engine::watchdog::Sample;
use crate::record::Batch;

/// What is waiting for a shard.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    commands: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
    /// What the shard is running.
    pub(crate) at: At,
}

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Here are records.
    Batch(Arc<Batch>),
    /// Report what was started, and start nothing before `Resume`.
    Pause(Arc<Barrier>),
    /// The limits of the last barrier are set: give up what is beyond them, and go on.
    Resume,
    /// A limit is lower now: give up what is beyond it.
    Fenced,
    /// Say what is going on.
    Sample(Arc<Sample>),
    /// Say what runs, one line each, with the shard's number.
    Report(UnboundedSender<(usize, Vec<String>)>),
    /// End; what runs is dropped.
    End,
}

impl Inbox {
    /// Puts a command in and wakes the shard.
    pub(crate) fn send(&self, command: Command) {
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(command);
        self.waker.wake();
    }

    /// Takes all commands, in exchange for an empty buffer.
    pub(crate) fn take(&self, buffer: &mut VecDeque<Command>) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.is_empty() {
            std::mem::swap(&mut *commands, buffer);
        } else {
            buffer.append(&mut commands);
        }
    }

    /// Whom to wake for the next command.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
