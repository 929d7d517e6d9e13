//! The first record of a retry topic's partition that is not due yet.

use std::sync::Arc;
use std::time::Instant;

use crate::assignment::Assignment;
use crate::record::{RawRecord, Record};

/// A record that is not due yet. It is neither counted nor unsettled: whoever owns the partition next reads it again.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) record: Record,
    pub(super) due: Instant,
}

impl Head {
    pub(super) fn new(assignment: &Arc<Assignment>, raw: &RawRecord<'_>, due: Instant) -> Self {
        let record = Record::at(assignment, raw);
        Self { record, due }
    }

    pub(super) fn offset(&self) -> i64 {
        self.record.offset()
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }
}
