//! The records of a batch, gathered for one call of a handler.

use std::sync::Arc;

use crate::record::Record;

/// The records of a batch.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) handler: u32,
    pub(crate) members: Vec<Member>,
}

/// A record of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The record, with its plan.
    pub(crate) record: Record,
    pub(crate) attempt: u32,
}

impl Gathered {
    pub(crate) fn new(handler: u32, members: Vec<Member>) -> Arc<Self> {
        Arc::new(Self { handler, members })
    }
}
