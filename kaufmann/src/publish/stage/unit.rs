//! The messages of one record, as they go through transactions, and the answers to them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::assignment::Assignment;
use crate::assignment::Report;
use crate::assignment::lane::UNORDERED;
use crate::publish::set_aside::Held;
use crate::publish::{Delivered, Message, PublishError, PublishErrorKind, Publisher, Rejected, Undelivered};

use super::lock;

/// The messages of one record.
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) assignment: Arc<Assignment>,
    pub(super) lane: u64,
    pub(super) offset: i64,
    pub(super) messages: Vec<Message>,
    /// How many of them are sent.
    pub(super) sent: usize,
    /// Reported whenever it enters a transaction.
    pub(super) report: Report,
    /// Called once, when it is committed.
    pub(super) delivered: Delivered,
    /// How many permits it has taken.
    pub(super) share: usize,
    /// How often a message of it was refused.
    pub(super) refused: u32,
    /// The topic that refused it last, and whether that topic refuses every message.
    pub(super) refused_by: Option<(Arc<str>, bool)>,
}

/// The messages of one transaction that the broker refused.
#[derive(Default)]
pub(super) struct Refusals {
    pub(super) any: AtomicBool,
    pub(super) list: Mutex<Vec<Refusal>>,
}

/// A refused message: its unit, its index, and the error.
pub(super) struct Refusal {
    pub(super) unit: u64,
    pub(super) message: usize,
    pub(super) error: PublishError,
}

impl Held for Unit {
    fn number(&self) -> u64 {
        self.number
    }

    fn occupies(&self) -> impl Iterator<Item = u64> {
        let own = (self.lane != UNORDERED).then(|| hash(&(self.assignment.id(), self.lane)));
        let lanes = self.messages.iter().filter_map(Message::lane);
        own.into_iter().chain(lanes.map(|lane| hash(&lane)))
    }

    fn needs(&self) -> impl Iterator<Item = u64> {
        self.messages.iter().map(|message| hash(&*message.topic))
    }

    fn refused_by(&self) -> Option<&str> {
        self.refused_by.as_ref().map(|(topic, _)| &**topic)
    }

    fn blocks(&self) -> Option<u64> {
        let whole = self.refused_by.as_ref().filter(|(_, is_whole)| *is_whole);
        whole.map(|(topic, _)| hash(&**topic))
    }
}

impl Unit {
    pub(super) fn is_torn(&self) -> bool {
        self.sent < self.messages.len()
    }

    pub(super) fn is_of(&self, assignments: &[Arc<Assignment>]) -> bool {
        assignments.iter().any(|own| own.id() == self.assignment.id())
    }

    /// Sends the remaining messages. Returns `false` if the publisher's queue is full.
    pub(super) fn send(&mut self, publisher: &dyn Publisher, refusals: &Arc<Refusals>) -> bool {
        while let Some(message) = self.messages.get(self.sent) {
            let (unit, number) = (self.number, self.sent);
            let refusals = Arc::clone(refusals);
            let done = Box::new(move |result: Result<(), Undelivered>| {
                if let Err(Undelivered { error, .. }) = result {
                    refusals.note(Refusal {
                        unit,
                        message: number,
                        error,
                    });
                }
            });
            if let Err(Rejected { .. }) = publisher.send(message.clone(), done) {
                return false;
            }
            self.sent += 1;
        }
        true
    }
}

impl Refusals {
    fn note(&self, refusal: Refusal) {
        let is_reason = refusal.error.kind() != PublishErrorKind::Aborted;
        lock(&self.list).push(refusal);
        if is_reason {
            self.any.store(true, Ordering::Release);
        }
    }
}

fn hash(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
