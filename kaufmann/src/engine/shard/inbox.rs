//! The queue of commands from the poller to a shard.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::mpsc::UnboundedSender;

use super::sync::Mutex;
use crate::engine::fence::Barrier;
use crate::engine::shard::current::Current;
use crate::engine::watchdog::Sample;
use crate::record::Batch;

/// A shard's commands, and what it is running.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    commands: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
    /// What the shard runs at this moment.
    pub(crate) current: Current,
}

/// A command to a shard.
#[derive(Debug)]
pub(crate) enum Command {
    /// Handle these records.
    Batch(Arc<Batch>),
    /// Report what was started, and start nothing before `Resume`.
    Pause(Arc<Barrier>),
    /// The limits of the last barrier are set: give up what is beyond them, and continue.
    Resume,
    /// A limit was lowered: give up what is beyond it.
    Fenced,
    /// Report what runs, and where certain records are.
    Sample(Arc<Sample>),
    /// Report what runs, one line each, with the shard's number.
    Report(UnboundedSender<(usize, Vec<String>)>),
    /// End, and drop what runs.
    End,
}

impl Inbox {
    /// Adds a command and wakes the shard.
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

    /// Sets the waker for the next command.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}
