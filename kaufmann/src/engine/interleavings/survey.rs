//! Shards say what they have started while deliveries go on, and the poller waits for all of them.

use std::sync::Arc;

use shuttle::thread;

use super::settlements::{Settlements, report};
use super::{Bed, SCHEDULES, sync};
use crate::assignment::Assignment;

#[path = "../fence/survey.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

use product::Survey;

#[test]
fn the_limit_is_behind_all_that_was_started_whatever_is_reported_meanwhile() {
    let model = || {
        let bed = Bed::default();
        let settlements = Arc::new(Settlements::new(bed.waker()));
        let assignment = Arc::new(Assignment::new(1, "t".into(), 0));
        let survey = Survey::new(&[Arc::clone(&assignment)], 3, bed.waker());
        let shard = |body: fn(&Settlements, &Assignment, &Survey)| {
            let (settlements, assignment, survey) = (
                Arc::clone(&settlements),
                Arc::clone(&assignment),
                Arc::clone(&survey),
            );
            thread::spawn(move || body(&settlements, &assignment, &survey))
        };
        let shards = [
            // Handled, and settled.
            shard(|settlements, _, survey| {
                settlements.report(report(7));
                survey.answered();
            }),
            // One runs, and one below it does too.
            shard(|_, assignment, survey| {
                survey.running(assignment, 5);
                survey.running(assignment, 3);
                survey.answered();
            }),
            // Handled, and on its way to the broker: the newest.
            shard(|_, assignment, survey| {
                assignment.handed(8);
                survey.answered();
            }),
            shard(|settlements, _, _| settlements.report(report(8))),
        ];
        let mut settled = None;
        let mut collect = || {
            let mut reports = Vec::new();
            settlements.take(&mut reports);
            settled = settled.max(reports.iter().map(|report| report.from).max());
        };
        while !survey.is_complete() {
            collect();
            if settlements.arm(1) && !survey.is_complete() {
                bed.sleep();
            }
        }
        collect();
        assert_eq!(survey.limit(&assignment, settled), 8);
        shards.into_iter().for_each(|shard| shard.join().unwrap());
    };
    shuttle::check_random(model, SCHEDULES);
    shuttle::check_pct(model, SCHEDULES, 3);
}
