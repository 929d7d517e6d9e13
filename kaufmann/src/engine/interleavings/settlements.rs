//! Shards report while the poller takes reports, sleeps, and is woken.

use std::sync::Arc;

use shuttle::thread;

use super::{Parker, SCHEDULES, sync};
use crate::assignment::{Fate, Report};

#[path = "../../assignment/settlements.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

pub(super) use product::Settlements;

pub(super) fn report(offset: i64) -> Report {
    Report {
        assignment: 1,
        from: offset,
        records: 1,
        bytes: 1,
        fate: Fate::Settled,
    }
}

#[test]
fn the_poller_sleeps_only_until_as_many_records_are_reported_as_it_waits_for() {
    let model = || {
        let parker = Parker::default();
        let settlements = Arc::new(Settlements::new(parker.waker()));
        let shards: Vec<_> = (0..2)
            .map(|shard| {
                let settlements = Arc::clone(&settlements);
                thread::spawn(move || {
                    (0..3).for_each(|record| settlements.report(report(shard * 3 + record)));
                })
            })
            .collect();
        let mut taken = Vec::new();
        while taken.len() < 6 {
            let mut reports = Vec::new();
            settlements.take(&mut reports);
            taken.extend(reports.iter().map(|report| report.from));
            // All that are left: the poller would sleep forever if one were not counted.
            let left = 6 - taken.len();
            if left > 0 && settlements.arm(left) {
                parker.sleep();
            }
        }
        shards.into_iter().for_each(|shard| shard.join().unwrap());
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
    };
    shuttle::check_random(model, SCHEDULES);
    shuttle::check_pct(model, SCHEDULES, 3);
}
