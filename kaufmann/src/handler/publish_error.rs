//! Why an event was not published.

use crate::base::bounded_text::bounded;

/// Why an event was not published: what, where, and what to do about it, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct PublishError {
    kind: PublishErrorKind,
    text: String,
}

/// The kind of a [`PublishError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PublishErrorKind {
    /// The context is detached: it belongs to no running service.
    Detached,
    /// Neither the configuration nor the schema names a topic.
    NoTopic,
    /// The topic does not have the chosen partition, does not exist, or the number of its partitions is unavailable.
    NoPartition,
    /// The registry does not know the schema.
    Schema,
    /// The registry does not answer.
    Registry,
    /// The broker refused it, or was not reached in time.
    Broker,
    /// It is larger than its topic accepts, or was sent together with one that is.
    TooLarge,
    /// Its topic accepts nothing: it does not exist, or the service may not write to it.
    Topic,
    /// Its transaction was aborted before a broker had it.
    Aborted,
    /// The publisher can deliver no more events; only a new one can.
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

    /// The error's kind.
    #[must_use]
    pub fn kind(&self) -> PublishErrorKind {
        self.kind
    }

    pub(crate) fn detached(event: &str) -> Self {
        Self::new(
            PublishErrorKind::Detached,
            format!(
                "`{event}` cannot be published from a detached context: it belongs to no running service"
            ),
        )
    }
}
