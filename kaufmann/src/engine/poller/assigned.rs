//! The assigned partitions together, and what their unsettled records take of the byte budget.

use std::sync::Arc;

use super::partition::Partition;
use crate::assignment::{Assignment, Report, Settlements};

/// All assigned partitions.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) partitions: Vec<Partition>,
    pub(super) settlements: Arc<Settlements>,
    /// Bytes of the records that are unsettled.
    pub(super) bytes: usize,
    /// How many records were settled so far.
    pub(super) settled: u64,
    reports: Vec<Report>,
}

impl Assigned {
    pub(super) fn new(settlements: Arc<Settlements>) -> Self {
        Self {
            partitions: Vec::new(),
            settlements,
            bytes: 0,
            settled: 0,
            reports: Vec::new(),
        }
    }

    /// Takes into account what shards and deliveries have reported.
    pub(super) fn take_reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        self.settlements.take(&mut reports);
        for report in reports.drain(..) {
            // A report of an assignment that has ended is dropped: its offsets are another member's now.
            let Some(partition) = find(&mut self.partitions, report.assignment) else {
                continue;
            };
            let before = partition.unsettled() as u64;
            partition.apply(&report);
            // Records that were taken back had been counted as settled.
            self.settled = (self.settled + before).saturating_sub(partition.unsettled() as u64);
            self.bytes = self.bytes.saturating_sub(report.bytes);
        }
        self.reports = reports;
    }

    /// The partition of an assignment, unless that has ended.
    pub(super) fn find(&mut self, assignment: u64) -> Option<&mut Partition> {
        find(&mut self.partitions, assignment)
    }

    /// How many records are unsettled.
    pub(super) fn unsettled(&self) -> usize {
        self.partitions.iter().map(Partition::unsettled).sum()
    }

    /// All assignments.
    pub(super) fn assignments(&self) -> Vec<Arc<Assignment>> {
        let each = self.partitions.iter();
        each.map(|partition| Arc::clone(&partition.assignment)).collect()
    }

    /// Removes the partitions that `ends` picks. Late reports of them are dropped, so their part of the byte budget is free at once.
    pub(super) fn remove(&mut self, ends: impl Fn(&Assignment) -> bool) {
        self.partitions.retain(|partition| {
            let keep = !ends(&partition.assignment);
            if !keep {
                self.bytes = self.bytes.saturating_sub(partition.held_bytes());
            }
            keep
        });
    }
}

fn find(partitions: &mut [Partition], assignment: u64) -> Option<&mut Partition> {
    partitions
        .iter_mut()
        .find(|partition| partition.assignment.id() == assignment)
}
