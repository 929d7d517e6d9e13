//! Why an event was not published.

use crate::base::bounded_text::bounded;

/// Why an event was not published: what, where, and what to do about it, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct PublishError {
    kind: PublishErrorKind,
    text: String,
}

/// What kind of trouble a [`PublishError`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PublishErrorKind {
    /// The context has no running service behind it.
    Detached,
    /// Neither the configuration nor the schema names a topic.
    NoTopic,
    /// The topic does not have the partition that was chosen, or does not exist, or how many it has cannot be had.
    NoPartition,
    /// The registry does not know the schema.
    Schema,
    /// The registry does not answer.
    Registry,
    /// The broker refused it, or was not reached in time.
    Broker,
    /// It is larger than its topic takes, or was sent together with one that is.
    TooLarge,
    /// Its topic takes nothing: it does not exist, or we may not write it.
    Topic,
    /// The transaction that it belongs to was aborted before a broker had it.
    Aborted,
    /// The publisher can deliver nothing any more; only a new one can.
    Ended,
}

impl PublishError {
    /// An error of this kind with this text.
    pub fn new(kind: PublishErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: bounded(text.into()),
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> PublishErrorKind {
        self.kind
    }

    pub(crate) fn detached(event: &str) -> Self {
        Self::new(
            PublishErrorKind::Detached,
            format!("`{event}` cannot be published from a detached context; it has no service behind it"),
        )
    }
}
