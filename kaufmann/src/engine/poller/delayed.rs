//! Reading a retry topic: a record is handed on when it is due. Until then it is the head of its partition, which is not read on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::head::Head;
use super::partition::Partition;
use super::router::Router;
use crate::publish::retry_topics::wait;
use crate::record::RawRecord;
use crate::source::Source;

/// What was read.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Came {
    /// Records that the source or the head gave.
    pub(super) records: usize,
    /// Those of them that were handed on.
    pub(super) taken: usize,
    /// What these take of the byte budget.
    pub(super) bytes: usize,
    /// Whether offsets without a record were passed.
    pub(super) passed: bool,
}

/// Reads what is due of a partition whose records wait for so long, as far as there is room.
pub(super) fn read<S: Source>(
    source: &mut S,
    router: &mut Router,
    partition: &mut Partition,
    delay: Duration,
    (room, free): (usize, usize),
    (now, time): (Instant, SystemTime),
) -> Came {
    let mut came = Came::default();
    let assignment = Arc::clone(&partition.assignment);
    let mut hand_on = |partition: &mut Partition, raw: &RawRecord<'_>, came: &mut Came| {
        if partition.take(raw.offset) {
            came.bytes += router.push(&assignment, raw);
            came.taken += 1;
        }
    };
    match partition.head.take_if(|head| head.due <= now) {
        Some(head) => {
            let record = &head.record;
            let headers: Vec<_> = record.headers().collect();
            let raw = record.raw(&headers);
            came.records += 1;
            hand_on(partition, &raw, &mut came);
        }
        None if partition.head.is_some() => return came,
        None => {}
    }
    if came.taken >= room || came.bytes >= free {
        return came;
    }
    let mut head = None;
    let read = source.read(&partition.assignment.clone(), room - came.taken, &mut |raw| {
        let wait = wait(raw.headers, delay, time);
        if !wait.is_zero() {
            head = Some(Head::new(&assignment, raw, now + wait));
            return ControlFlow::Break(());
        }
        hand_on(partition, raw, &mut came);
        if came.bytes < free {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    came.records += read;
    match head {
        // What follows it has been read, perhaps, but it has not.
        Some(head) => partition.hold(head),
        None => {
            came.passed = source
                .position(&assignment)
                .is_some_and(|next| partition.pass(next));
        }
    }
    came
}
