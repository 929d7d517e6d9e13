//! Shards report what they have started while deliveries continue, and the poller waits for all of them.

use std::sync::Arc;

use shuttle::thread;

use super::settlements::{Settlements, report};
use super::{Parker, SCHEDULES, sync};
use crate::assignment::Assignment;

#[path = "../fence/barrier.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

use product::Barrier;

#[test]
fn the_limit_is_at_or_after_all_that_was_started_whatever_is_reported_meanwhile() {
    let model = || {
        let parker = Parker::default();
        let settlements = Arc::new(Settlements::new(parker.waker()));
        let assignment = Arc::new(Assignment::new(1, "t".into(), 0));
        let barrier = Barrier::new(&[Arc::clone(&assignment)], 3, parker.waker());
        let shard = |body: fn(&Settlements, &Assignment, &Barrier)| {
            let (settlements, assignment, barrier) = (
                Arc::clone(&settlements),
                Arc::clone(&assignment),
                Arc::clone(&barrier),
            );
            thread::spawn(move || body(&settlements, &assignment, &barrier))
        };
        let shards = [
            // Handled, and settled.
            shard(|settlements, _, barrier| {
                settlements.report(report(7));
                barrier.answered();
            }),
            // Two run.
            shard(|_, assignment, barrier| {
                barrier.running(assignment, 5);
                barrier.running(assignment, 3);
                barrier.answered();
            }),
            // Handled, handed to the publisher, and the newest.
            shard(|_, assignment, barrier| {
                assignment.handed(8);
                barrier.answered();
            }),
            shard(|settlements, _, _| settlements.report(report(8))),
        ];
        let mut settled = None;
        let mut collect = || {
            let mut reports = Vec::new();
            settlements.take(&mut reports);
            settled = settled.max(reports.iter().map(|report| report.from).max());
        };
        while !barrier.is_complete() {
            collect();
            if settlements.arm(1) && !barrier.is_complete() {
                parker.sleep();
            }
        }
        collect();
        assert_eq!(barrier.limit(&assignment, settled), 8);
        shards.into_iter().for_each(|shard| shard.join().unwrap());
    };
    shuttle::check_random(model, SCHEDULES);
    shuttle::check_pct(model, SCHEDULES, 3);
}
