//! Partitions on their way out: fence → drain → commit → release.

use std::sync::Arc;
use std::time::Instant;

use crate::assignment::Assignment;

/// Partitions that are given back, or all of them when the service stops.
#[derive(Debug)]
pub(super) struct Revocation {
    pub(super) assignments: Vec<Arc<Assignment>>,
    /// Whether another member may have them already.
    pub(super) lost: bool,
    pub(super) deadline: Instant,
    pub(super) phase: Phase,
    shutdown: bool,
}

/// How far a revocation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Waiting for what runs.
    Draining,
    /// Waiting for the answer to this many commits.
    Committing {
        /// Commits answered since the start.
        until: u64,
    },
}

impl Revocation {
    pub(super) fn of(assignments: Vec<Arc<Assignment>>, lost: bool, deadline: Instant) -> Self {
        Self {
            assignments,
            lost,
            deadline,
            phase: Phase::Draining,
            shutdown: false,
        }
    }

    pub(super) fn shutdown(assignments: Vec<Arc<Assignment>>, deadline: Instant) -> Self {
        Self {
            assignments,
            lost: false,
            deadline,
            phase: Phase::Draining,
            shutdown: true,
        }
    }

    pub(super) fn is_shutdown(&self) -> bool {
        self.shutdown
    }

    pub(super) fn contains(&self, assignment: &Assignment) -> bool {
        self.assignments.iter().any(|own| own.id() == assignment.id())
    }
}
