//! How many records the faults of a scene may repeat.

use std::fmt;

use anyhow::Result;
use kaufmann_tests::rig::Offsets;

use super::{MAX_UNSETTLED, Scene};

/// What was committed when a fault began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Exposed(Offsets);

/// The repetitions that the faults so far allow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bound {
    pub(super) records: usize,
    faults: usize,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, faults } = self;
        write!(f, "{faults} faults may have made {records} records come again")
    }
}

impl Scene {
    /// Records what is committed before a fault that may repeat records.
    pub(crate) fn expose(&self) -> Result<Exposed> {
        Ok(Exposed(self.client.committed(&self.group, &self.topic)?))
    }

    /// Counts how many records a fault may repeat: all that had begun by now and were not committed before it, and as many
    /// as may be unsettled when it is noticed. Call it when handlers cannot go beyond that any more: just after the fault
    /// began, or, if they go on without commits meanwhile, when it is over.
    pub(crate) fn cover(&mut self, Exposed(committed): &Exposed) -> Result<()> {
        let mut begun = Offsets::new();
        for entry in &self.journal()?[self.old_entries..] {
            let next = begun.entry(entry.partition).or_default();
            *next = (*next).max(entry.offset + 1);
        }
        let exposed = begun.iter().map(|(partition, next)| {
            let committed = committed.get(partition).copied().unwrap_or(0);
            usize::try_from(next - committed).unwrap_or(0)
        });
        self.bound.records += exposed.sum::<usize>() + MAX_UNSETTLED * begun.len();
        self.bound.faults += 1;
        Ok(())
    }
}
