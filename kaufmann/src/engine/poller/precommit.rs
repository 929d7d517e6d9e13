//! `delivery = "at_most_once"`: what is read is committed before it begins.
//!
//! The router keeps what is read until the commit of the offsets behind it is confirmed. Nothing is read meanwhile, so one such
//! commit is under way at a time, and it grows with what comes while the one before it takes its way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::Poller;
use super::partition::Partition;
use super::revocation::Revocation;
use crate::source::{CommitOffset, Source};

/// How long to wait before a commit that was refused is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// How far what was read is.
#[derive(Debug)]
pub(super) struct Precommit {
    /// How many records may be unsettled, committed or about to be.
    window: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Everything that was read is committed and handed over.
    Clear,
    /// The offsets behind it are to be committed, not before this time.
    Due(Instant),
    /// Waiting for the answer to this many commits.
    Asked(u64),
}

impl Precommit {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            stage: Stage::Clear,
        }
    }

    /// How many records more may be read, of which so many are unsettled.
    pub(super) fn room(&self, unsettled: usize) -> usize {
        match self.stage {
            Stage::Clear => self.window.saturating_sub(unsettled),
            Stage::Due(_) | Stage::Asked(_) => 0,
        }
    }

    /// Whether so many unsettled records keep more from being read.
    pub(super) fn is_full(&self, unsettled: usize) -> bool {
        matches!(self.stage, Stage::Clear) && unsettled >= self.window
    }

    /// Whether an answer is waited for.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }
}

impl<S: Source> Poller<S> {
    /// Hands over what was read if the answer to its commit has come, or nothing of it is to be committed any more.
    pub(super) fn hand_over_committed(&mut self, now: Instant) {
        let answered = self.answered;
        match self.precommit_stage() {
            Some(Stage::Asked(until)) if answered >= *until => {}
            Some(Stage::Due(_)) => {}
            _ => return,
        }
        let left = self
            .partitions
            .iter()
            .any(|partition| partition.next_precommit().is_some());
        if !left {
            // What is not committed belongs to assignments that end; their limits keep it from beginning.
            self.router.flush();
        }
        if let Some(stage) = self.precommit_stage() {
            *stage = match *stage {
                _ if !left => Stage::Clear,
                Stage::Due(at) => Stage::Due(at),
                Stage::Clear | Stage::Asked(_) => Stage::Due(now + PAUSE),
            };
        }
    }

    /// Asks for what was read to be committed; `read` says whether there is something new, be it records or offsets without one.
    pub(super) fn ask_precommit(&mut self, read: bool, now: Instant) {
        match self.precommit_stage() {
            Some(Stage::Clear) if read => {}
            Some(Stage::Due(at)) if *at <= now => {}
            _ => return,
        }
        let offsets = self.partitions.iter().filter_map(|partition| {
            let (offset, metadata) = partition.next_precommit()?;
            Some(CommitOffset {
                assignment: Arc::clone(&partition.assignment),
                offset,
                metadata,
            })
        });
        let offsets: Vec<_> = offsets.collect();
        self.sent += 1;
        self.source.commit(offsets);
        let asked = Stage::Asked(self.sent);
        if let Some(stage) = self.precommit_stage() {
            *stage = asked;
        }
    }

    /// Says what of the partitions that are given back was committed and is not settled.
    pub(super) fn say_lost(&self, revocation: &Revocation) {
        let ours = |partition: &&Partition| revocation.contains(&partition.assignment);
        for partition in self.partitions.iter().filter(ours) {
            if let Some(offset) = partition
                .committed_unsettled()
                .filter(|_| self.precommit.is_some())
            {
                warn!(
                    partition = format!(
                        "{}/{}",
                        partition.assignment.topic(),
                        partition.assignment.partition()
                    ),
                    offset,
                    "not finished in time: records from this offset on were committed before they began, and will not be \
                     handled again"
                );
            }
        }
    }

    fn precommit_stage(&mut self) -> Option<&mut Stage> {
        self.precommit.as_mut().map(|precommit| &mut precommit.stage)
    }
}
