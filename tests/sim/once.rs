//! The runtime under `delivery = "at_most_once"`, in schedules that seeds decide: no handler begins twice with a record, or before
//! its offset is committed, and a crash can lose only a bounded number. The oracle checks other guarantees, so this file has its own judge.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use kaufmann::config::Delivery;

use crate::double::Double;
use crate::journal::{Entry, What};
use crate::plan::{Kind, Plan};
use crate::{range, run, variable};

/// The seeds of an ordinary `cargo test`; `KAUFMANN_SIM_SEEDS` sets others.
const SEEDS: Range<u64> = 0..150;
/// The seeds of tests that need only one example.
const FEW: u64 = 50;

/// A broken guarantee.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Broken {
    /// A handler began twice with a record.
    Once,
    /// A handler began with a record whose offset was not committed under its assignment.
    CommittedFirst,
    /// More records were committed and unfinished than `max_in_flight`.
    Bound,
    /// A record was not handled although no fault occurred.
    Complete,
}

/// An assignment as far as the journal shows it.
#[derive(Default)]
struct Assigned {
    member: usize,
    partition: i32,
    committed: i64,
    /// Events that were read and have not ended.
    unfinished: BTreeSet<i64>,
    released: bool,
}

fn plan(seed: u64) -> Plan {
    let mut plan = Plan::new(seed);
    plan.settings.delivery = Delivery::AtMostOnce;
    plan
}

/// The guarantees that a journal breaks, each with its first position.
fn judge(plan: &Plan, journal: &[Entry], complete: bool) -> BTreeMap<Broken, usize> {
    let mut broken = BTreeMap::new();
    let mut assignments: BTreeMap<u64, Assigned> = BTreeMap::new();
    let mut begun = BTreeSet::new();
    let mut tokens = BTreeMap::new();
    for (at, Entry { member, what, .. }) in journal.iter().enumerate() {
        match what {
            What::Assigned {
                assignment,
                partition,
                ..
            } => {
                let own = Assigned {
                    member: *member,
                    partition: *partition,
                    ..Assigned::default()
                };
                assignments.insert(*assignment, own);
            }
            What::Read {
                assignment, offset, ..
            } => {
                let own = assignments.get_mut(assignment).unwrap();
                if is_event(plan, own.partition, *offset) {
                    own.unfinished.insert(*offset);
                }
            }
            What::Begun {
                assignment,
                offset,
                token,
                ..
            } => {
                let own = &assignments[assignment];
                if !begun.insert((own.partition, *offset)) {
                    broken.entry(Broken::Once).or_insert(at);
                }
                if own.committed <= *offset {
                    broken.entry(Broken::CommittedFirst).or_insert(at);
                }
                tokens.insert(*token, (*assignment, *offset));
            }
            What::Ended { token, .. } => {
                let (assignment, offset) = tokens[token];
                assignments
                    .get_mut(&assignment)
                    .unwrap()
                    .unfinished
                    .remove(&offset);
            }
            What::Released { assignment } => assignments.get_mut(assignment).unwrap().released = true,
            What::Committed {
                assignment, offset, ..
            } => {
                assignments.get_mut(assignment).unwrap().committed = *offset;
                if unfinished(&assignments, *member) > plan.settings.max_in_flight {
                    broken.entry(Broken::Bound).or_insert(at);
                }
            }
            _ => {}
        }
    }
    let all = (0i32..).zip(&plan.partitions).flat_map(|(partition, log)| {
        let events = log.iter().filter(|item| item.kind == Kind::Event);
        events.map(move |item| (partition, item.offset))
    });
    if complete && all.into_iter().any(|record| !begun.contains(&record)) {
        broken.insert(Broken::Complete, journal.len());
    }
    broken
}

/// The number of a member's committed events that have not ended.
fn unfinished(assignments: &BTreeMap<u64, Assigned>, member: usize) -> usize {
    let own = assignments
        .values()
        .filter(|own| own.member == member && !own.released);
    own.map(|own| own.unfinished.range(..own.committed).count()).sum()
}

fn is_event(plan: &Plan, partition: i32, offset: i64) -> bool {
    let log = &plan.partitions[partition as usize];
    log.iter()
        .any(|item| item.offset == offset && item.kind == Kind::Event)
}

#[test]
fn under_any_schedule_no_handler_begins_twice_or_before_its_commit_and_few_records_can_be_lost() {
    for seed in variable("KAUFMANN_SIM_SEEDS").map_or(SEEDS, |text| range(&text)) {
        let plan = plan(seed);
        let broken = judge(&plan, &run::run(&plan, Double::Honest), false);
        assert_eq!(broken, BTreeMap::new(), "seed {seed}");
    }
}

#[test]
fn without_faults_each_record_is_handled_and_none_twice() {
    for seed in 0..FEW {
        let mut plan = plan(seed);
        plan.faults.clear();
        plan.settings.shutdown_deadline = Duration::from_secs(3_600);
        let broken = judge(&plan, &run::run(&plan, Double::Honest), true);
        assert_eq!(broken, BTreeMap::new(), "seed {seed}");
    }
}

#[test]
fn the_judge_finds_that_delivery_at_least_once_handles_records_twice() {
    let mut seen = BTreeSet::new();
    for seed in 0..FEW {
        let plan = Plan::new(seed);
        seen.extend(judge(&plan, &run::run(&plan, Double::Honest), false).into_keys());
    }
    assert!(
        seen.contains(&Broken::Once) && seen.contains(&Broken::CommittedFirst),
        "{seen:?}"
    );
}

#[test]
fn the_judge_finds_a_record_too_many_in_flight() {
    let seen = (0..FEW).any(|seed| {
        let plan = plan(seed);
        let broken = judge(&plan, &run::run(&plan, Double::TooManyInFlight), false);
        broken.contains_key(&Broken::Bound)
    });
    assert!(seen);
}
