//! The requests to commit offsets, and their results.

use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::assigned::Assigned;
use crate::assignment::Assignment;
use crate::source::{CommitOffset, Source, SourceError};

/// How often failing commits are logged.
const WARN_INTERVAL: Duration = Duration::from_secs(30);

/// The commits that were sent, and their results.
pub(super) struct Requests {
    /// Whether what is settled above a committed offset is kept with it.
    pub(super) ahead: bool,
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// When it was last logged that commits fail; `None` while they succeed.
    failing: Option<Instant>,
}

impl Requests {
    /// None so far.
    pub(super) fn new(ahead: bool) -> Self {
        Self {
            ahead,
            sent: 0,
            answered: 0,
            failing: None,
        }
    }

    /// What is to be committed of the partitions that `which` picks, where it is new.
    pub(super) fn offsets(
        &self,
        assigned: &mut Assigned,
        which: impl Fn(&Assignment) -> bool,
    ) -> Vec<CommitOffset> {
        let own = assigned.partitions.iter_mut();
        let new = own
            .filter(|partition| which(&partition.assignment))
            .filter_map(|partition| {
                let commit = partition.next_commit(self.ahead)?;
                Some(partition.addressed(commit))
            });
        new.collect()
    }

    /// Sends a commit.
    pub(super) fn send<S: Source>(&mut self, source: &mut S, offsets: Vec<CommitOffset>) {
        self.sent += 1;
        source.commit(offsets);
    }

    /// A commit was answered.
    pub(super) fn take_answer(
        &mut self,
        assigned: &mut Assigned,
        offsets: &[CommitOffset],
        result: Result<(), SourceError>,
        now: Instant,
    ) {
        self.answered += 1;
        let is_too_much = result.as_ref().is_err_and(SourceError::is_too_much_kept);
        for commit in offsets {
            if let Some(partition) = assigned.find(commit.assignment.id()) {
                partition.committed(commit.offset, commit.metadata.as_deref(), result.is_ok());
                if let Some(metadata) = commit.metadata.as_ref().filter(|_| is_too_much) {
                    partition.keep_less(metadata.len());
                }
            }
        }
        match result {
            Ok(()) if self.failing.take().is_some() => info!("offsets are committed again"),
            Ok(()) => debug!(partitions = offsets.len(), "committed"),
            Err(error) if self.failing.is_none_or(|last| now >= last + WARN_INTERVAL) => {
                self.failing = Some(now);
                warn!(%error, "offsets could not be committed; trying again");
            }
            Err(error) => debug!(%error, "offsets could still not be committed"),
        }
    }
}
