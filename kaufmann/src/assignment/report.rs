//! What became of records, as it is reported to the poller.

/// What became of some records of one assignment. A shard has every so many-th record of a partition, so reports are dense
/// as bits, not as ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// The assignment's id.
    pub(crate) assignment: u64,
    /// The first offset.
    pub(crate) from: i64,
    /// Which of the 64 offsets from there on; bit 0 is the first.
    pub(crate) records: u64,
    /// What the records took of the byte budget.
    pub(crate) bytes: usize,
    /// What became of them.
    pub(crate) fate: Fate,
}

/// What became of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Settled,
    /// They had not begun, and were given up, because their assignment ends.
    GivenUp,
    /// They failed, were to be tried again, and were given up.
    Failed,
    /// They were handled, and their messages, or those of one before them in their lane, were not delivered.
    Undelivered,
    /// They were settled as long as a transaction held their messages, and are not any more.
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

    /// The same, of records that go on taking their part of the byte budget.
    pub(crate) fn without_bytes(self) -> Self {
        Self { bytes: 0, ..self }
    }

    /// Joins the report of one record that lies near enough behind the first of this one.
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
