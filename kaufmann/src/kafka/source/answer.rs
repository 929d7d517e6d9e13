//! What the brokers answer about the partitions of new assignments: where they begin, and their topics' ids.

use std::sync::Arc;

use crate::assignment::{Assignment, TopicId};

/// What is known of a partition, or why nothing is yet.
pub(super) type Known = Result<Found, String>;

/// What brokers say of a partition.
pub(super) struct Found {
    /// Its committed offset with the metadata, if it has one.
    pub(super) committed: Option<(i64, String)>,
    pub(super) topic: Identity,
}

/// Which topic it is.
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
    /// Where they begin.
    Place(Vec<(Arc<Assignment>, Known)>, usize),
    /// Which topics they are of.
    Identity(Vec<(Arc<Assignment>, Identity)>),
}
