//! Transactions: messages and the offsets of their causes are committed together, or not at all.

#[cfg(doc)]
use crate::publish::PublishErrorKind;
use crate::source::{CommitOffset, Member};

/// A [`Publisher`](super::Publisher)'s transactions.
///
/// The contract, which the poller relies on:
///
/// - No call blocks for long: what takes time is answered later, from any thread; each request once.
/// - [`Transactions::prepare`] comes first. After that a transaction is open from [`Transactions::begin`] to the answer of
///   [`Transactions::commit`] or [`Transactions::abort`], and messages sent meanwhile belong to it.
/// - Until a request is answered there is no other request, and nothing is sent.
/// - A commit is tried as long as it can succeed. If it fails with an error after which the transaction must be aborted, the transaction
///   is not committed and never will be. A refused message is one reason.
/// - When an abort is answered, so is every message: those that no broker had with [`PublishErrorKind::Aborted`].
pub trait Transactions: Send + Sync {
    /// Prepares transactions: aborts what an earlier publisher with the same identity left open, and fences it.
    fn prepare(&self, done: Answer);

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// If no transaction can be begun any more.
    fn begin(&self) -> Result<(), TransactionError>;

    /// Checks whether it is known that the open transaction must be aborted, without asking a broker. In such a transaction messages may
    /// wait forever, and block the queue for others.
    ///
    /// # Errors
    ///
    /// Why it must be aborted.
    fn check(&self) -> Result<(), TransactionError> {
        Ok(())
    }

    /// Commits what was sent, and with it the offsets of a consumer group member. Fails if that is no longer a member.
    fn commit(&self, offsets: Vec<CommitOffset>, member: Member, done: Answer);

    /// Aborts the transaction.
    fn abort(&self, done: Answer);
}

/// The callback with the result of a request.
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
    /// The same, because a topic refuses messages that were sent in it. Which message is not known, but it is one of those that did not
    /// arrive.
    Refused,
    /// This publisher cannot begin another transaction; only a new publisher can.
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
