//! Reports to the poller of how records ended.

/// How some records of one assignment ended. A shard has every n-th record of a partition on average, so bits are denser than ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// The assignment's id.
    pub(crate) assignment: u64,
    /// The first offset.
    pub(crate) from: i64,
    /// Which of the 64 offsets from there on; bit 0 is the first.
    pub(crate) records: u64,
    /// The records' part of the byte budget.
    pub(crate) bytes: usize,
    /// How they ended.
    pub(crate) fate: Fate,
}

/// How records ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Settled,
    /// They had not started, and were given up, because their assignment ends.
    GivenUp,
    /// They failed and waited for a retry, and were given up.
    Failed,
    /// They were handled, but their messages, or those of an earlier record in their lane, were not delivered.
    Undelivered,
    /// They counted as settled while a transaction held their messages, and no longer do.
    TakenBack,
}

impl Fate {
    /// Whether the records stay unsettled under their assignment.
    pub(crate) fn is_given_up(self) -> bool {
        matches!(self, Self::GivenUp | Self::Failed | Self::Undelivered)
    }
}

impl Report {
    /// The same records, handled and then given up instead of settled.
    pub(crate) fn given_up(self) -> Self {
        Self {
            fate: Fate::Undelivered,
            ..self
        }
    }

    /// The same records, not settled any more.
    pub(crate) fn taken_back(self) -> Self {
        Self {
            fate: Fate::TakenBack,
            ..self
        }
    }

    /// The same report for records that keep their part of the byte budget.
    pub(crate) fn without_bytes(self) -> Self {
        Self { bytes: 0, ..self }
    }

    /// Adds the report of one record, if its offset is less than 64 above the first one.
    #[inline]
    pub(crate) fn join(&mut self, next: &Self) -> bool {
        let distance = next.from.wrapping_sub(self.from);
        let joins =
            self.assignment == next.assignment && self.fate == next.fate && (1..64).contains(&distance);
        if joins {
            self.records |= 1 << distance;
            self.bytes += next.bytes;
        }
        joins
    }
}
