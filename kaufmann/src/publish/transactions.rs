//! Transactions: messages and the offsets of what caused them count together, or not at all.

#[cfg(doc)]
use crate::publish::PublishErrorKind;
use crate::source::{CommitOffset, Member};

/// A [`Publisher`](super::Publisher)'s transactions.
///
/// The contract, which the poller relies on:
///
/// - No call blocks for long: what takes its time is answered later, from any thread, and each order once.
/// - [`Transactions::prepare`] comes first. After that a transaction is open from [`Transactions::begin`] to the answer of
///   [`Transactions::commit`] or [`Transactions::abort`], and what is sent meanwhile belongs to it.
/// - While an order is not answered there is no other, and nothing is sent.
/// - A commit goes on trying as long as it can succeed. If it fails so that the transaction must be aborted, it is not
///   committed and never will be. A message that was refused is a reason.
/// - When an abort is answered, so is every message: those that no broker had as [`PublishErrorKind::Aborted`].
pub trait Transactions: Send + Sync {
    /// Makes ready: aborts what an earlier publisher with the same identity left open, and fences it off.
    fn prepare(&self, done: Answer);

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// If no transaction can be begun any more.
    fn begin(&self) -> Result<(), TransactionError>;

    /// Says why the open transaction must be aborted, if that is known; asks no broker. Where it is, what was sent may wait for ever, and
    /// what is sent find no place.
    ///
    /// # Errors
    ///
    /// If it must.
    fn check(&self) -> Result<(), TransactionError> {
        Ok(())
    }

    /// Commits what was sent, and with it the offsets of a member of a consumer group, unless that is a member no more.
    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer);

    /// Takes back what was sent.
    fn abort(&self, done: Answer);
}

/// What to call when an order is carried out, or cannot be.
pub type Answer = Box<dyn FnOnce(Result<(), TransactionError>) + Send>;

/// Why a transaction was not committed: what, where, and what to do about it, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct TransactionError {
    kind: TransactionErrorKind,
    text: String,
}

/// What follows from a [`TransactionError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransactionErrorKind {
    /// The transaction must be aborted; another one may succeed.
    Abort,
    /// The same, because of something that was sent in it: a topic takes nothing. Which message it is about is not known, but it is among
    /// those that did not arrive.
    Refused,
    /// This publisher can begin no other; only a new one can.
    Ended,
}

impl TransactionError {
    /// An error of this kind with this text.
    pub fn new(kind: TransactionErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// What follows from it.
    #[must_use]
    pub fn kind(&self) -> TransactionErrorKind {
        self.kind
    }
}
