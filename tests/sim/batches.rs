//! The same schedules for a handler that takes several events at once.

use crate::double::Double;
use crate::oracle::{Rule, Violation, judge};
use crate::plan::Plan;
use crate::{range, report, run, variable};

/// A batch begins as one, and settles its events when all of it has ended. So the simulated handler, which records them one by one,
/// may record a beginning long after that of the batch, or an end long before the event is settled. Everything else holds.
fn concerns(violation: &Violation) -> bool {
    match violation.rule {
        Rule::Duplicates => false,
        Rule::Fenced => !violation.text.contains("began"),
        _ => true,
    }
}

#[test]
fn under_any_schedule_batches_lose_nothing_and_keep_the_order_of_their_keys() {
    for seed in variable("KAUFMANN_SIM_SEEDS").map_or(0..150, |text| range(&text)) {
        let mut plan = Plan::new(seed);
        plan.settings.batches = true;
        let journal = run::run(&plan, Double::Honest);
        let violations: Vec<_> = judge(&plan, &journal).into_iter().filter(concerns).collect();
        assert_eq!(report(seed, &journal, &violations), None);
    }
}
