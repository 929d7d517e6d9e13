//! `delivery = "at_most_once"`: records are committed before they begin.
//!
//! The router keeps the records that were read until the commit of their offsets has succeeded. Nothing is read meanwhile, so one such
//! commit is under way at a time, and the next one covers all that arrived in between.

use std::time::{Duration, Instant};

use tracing::warn;

use super::assigned::Assigned;
use super::requests::Requests;
use super::router::Router;
use crate::assignment::Assignment;
use crate::source::Source;

/// How long to wait before a commit that was refused is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// The commit before records begin.
#[derive(Debug)]
pub(super) struct Precommit {
    /// How many records may be unsettled, committed or about to be.
    window: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Everything that was read is committed and handed over.
    Clear,
    /// The offsets after it are to be committed, not before this time.
    Due(Instant),
    /// Waiting until this many commits are answered.
    Requested(u64),
}

impl Precommit {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window,
            state: State::Clear,
        }
    }

    /// How many more records may be read, if this many are unsettled.
    pub(super) fn window(&self, unsettled: usize) -> usize {
        match self.state {
            State::Clear => self.window.saturating_sub(unsettled),
            State::Due(_) | State::Requested(_) => 0,
        }
    }

    /// Whether this many unsettled records keep more from being read.
    pub(super) fn is_full(&self, unsettled: usize) -> bool {
        matches!(self.state, State::Clear) && unsettled >= self.window
    }

    /// Whether an answer is waited for.
    pub(super) fn is_requested(&self) -> bool {
        matches!(self.state, State::Requested(_))
    }

    /// Hands over what was read if its commit was answered, or nothing of it is to be committed any more.
    pub(super) fn hand_over(
        &mut self,
        requests: &Requests,
        assigned: &Assigned,
        router: &mut Router,
        now: Instant,
    ) {
        match self.state {
            State::Requested(until) if requests.answered >= until => {}
            State::Due(_) => {}
            State::Clear | State::Requested(_) => return,
        }
        let mut own = assigned.partitions.iter();
        let left = own.any(|partition| partition.next_precommit().is_some());
        if !left {
            // What is not committed belongs to assignments that end; their limits keep it from beginning.
            router.flush();
        }
        self.state = match self.state {
            _ if !left => State::Clear,
            State::Due(at) => State::Due(at),
            State::Clear | State::Requested(_) => State::Due(now + PAUSE),
        };
    }

    /// Requests the commit of what was read. `is_new`: records were read, or offsets without one were passed.
    pub(super) fn request<S: Source>(
        &mut self,
        requests: &mut Requests,
        assigned: &Assigned,
        source: &mut S,
        is_new: bool,
        now: Instant,
    ) {
        match self.state {
            State::Clear if is_new => {}
            State::Due(at) if at <= now => {}
            _ => return,
        }
        let offsets = assigned.partitions.iter().filter_map(|partition| {
            let commit = partition.next_precommit()?;
            Some(partition.addressed(commit))
        });
        requests.send(source, offsets.collect());
        self.state = State::Requested(requests.sent);
    }
}

/// Logs what of these partitions was committed and is not settled.
pub(super) fn log_lost(assigned: &Assigned, which: impl Fn(&Assignment) -> bool) {
    let own = assigned.partitions.iter();
    for partition in own.filter(|partition| which(&partition.assignment)) {
        if let Some(offset) = partition.committed_unsettled() {
            warn!(
                partition = partition.name(),
                offset,
                "not finished in time: records from this offset on were committed before they began, and will not be \
                 handled again"
            );
        }
    }
}
