//! The brokers' answers about the partitions of new assignments: their committed offsets, and their topics' ids.

use std::sync::Arc;

use crate::assignment::{Assignment, TopicId};

/// What is known of a partition, or why it is not known yet.
pub(super) type Known = Result<Found, String>;

/// What the brokers know of a partition.
pub(super) struct Found {
    /// Its committed offset with the metadata, if it has one.
    pub(super) committed: Option<(i64, String)>,
    pub(super) topic: Identity,
}

/// A topic's id.
#[derive(Clone, Copy)]
pub(super) enum Identity {
    /// Not known yet.
    Unknown,
    /// The brokers give topics no ids.
    Nameless,
    Is(TopicId),
}

/// The answer to a question.
pub(super) enum Answer {
    /// Their committed offsets; how often they had been requested before.
    Committed(Vec<(Arc<Assignment>, Known)>, usize),
    /// Their topics' ids.
    Identity(Vec<(Arc<Assignment>, Identity)>),
}
