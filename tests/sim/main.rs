//! Simulation: the whole runtime on a paused clock, in a schedule that a seed decides, checked by an oracle.
//!
//! Poller, shards, attempts, deliveries, commits and revocations are the product's; the consumer group, the broker, the
//! registry, the handlers and the clock are simulated. A seed makes a plan (records, handlers' actions, faults) and decides which
//! task runs next; the same seed gives the same run. After each run the oracle checks the journal.
//!
//! `KAUFMANN_SIM_SEEDS=0..10000` sets which seeds run, `KAUFMANN_SIM_SEED=17` runs one and prints its plan and journal.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

kaufmann::include_events!();

mod ahead;
mod batches;
mod broker;
mod double;
mod exactly;
mod group;
mod journal;
mod once;
mod oracle;
mod plan;
mod retries;
mod run;
mod service;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use double::Double;
use journal::Entry;
use oracle::{Rule, Violation, judge};
use plan::Plan;

/// The seeds of an ordinary `cargo test`.
const SEEDS: Range<u64> = 0..150;
/// How much of a failed run's journal is printed.
const TAIL: usize = 60;

#[test]
fn under_any_schedule_the_service_keeps_its_guarantees() {
    if let Some(seed) = variable("KAUFMANN_SIM_SEED") {
        let seed = seed.parse().expect("`KAUFMANN_SIM_SEED` is a number");
        let plan = Plan::new(seed);
        println!("{plan:#?}");
        let journal = run::run(&plan, Double::Honest);
        for (number, entry) in journal.iter().enumerate() {
            println!("{number} {entry:?}");
        }
        return assert_eq!(report(seed, &journal, &judge(&plan, &journal)), None);
    }
    let seeds = variable("KAUFMANN_SIM_SEEDS").map_or(SEEDS, |text| range(&text));
    let (next, broken) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end)
                {
                    if let Some(text) = check(seed) {
                        world::lock(&broken).insert(seed, text);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    if let Some(text) = broken.values().next() {
        let all: Vec<_> = broken.values().filter_map(|text| text.lines().nth(1)).collect();
        panic!(
            "{text}\nseeds that broke a rule: {:?}\n{}",
            broken.keys(),
            all.join("\n")
        );
    }
}

/// The rules that a seed broke.
fn check(seed: u64) -> Option<String> {
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let plan = Plan::new(seed);
        let journal = run::run(&plan, Double::Honest);
        report(seed, &journal, &judge(&plan, &journal))
    }));
    judged.unwrap_or_else(|_| Some(format!("seed {seed} panicked; {}", replay(seed))))
}

fn report(seed: u64, journal: &[Entry], violations: &[Violation]) -> Option<String> {
    let first = violations.first()?;
    let mut text = format!("seed {seed} broke {} rules; {}\n", violations.len(), replay(seed));
    for violation in violations.iter().take(5) {
        _ = writeln!(
            text,
            "  {:?} at {}: {}",
            violation.rule, violation.entry, violation.text
        );
    }
    let end = (first.entry + 1).min(journal.len());
    for (number, entry) in journal
        .iter()
        .enumerate()
        .take(end)
        .skip(end.saturating_sub(TAIL))
    {
        _ = writeln!(text, "{number} {entry:?}");
    }
    Some(text)
}

fn replay(seed: u64) -> String {
    format!(
        "again, with all that happened: KAUFMANN_SIM_SEED={seed} cargo test -p kaufmann-tests --test sim -- --nocapture service_keeps"
    )
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `500` or `1000..2000`.
fn range(text: &str) -> Range<u64> {
    let number = |text: &str| {
        text.trim()
            .parse()
            .expect("`KAUFMANN_SIM_SEEDS` is a number, or two: `0..10000`")
    };
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(text),
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        let plan = Plan::new(seed);
        let (first, second) = (run::run(&plan, Double::Honest), run::run(&plan, Double::Honest));
        let differ = first.iter().zip(&second).position(|(a, b)| a != b);
        assert_eq!(
            journal::hash(&first),
            journal::hash(&second),
            "seed {seed}, at entry {differ:?}"
        );
    }
}

/// How many seeds are tried until one shows a broken rule.
const TRIES: u64 = 40;

/// Checks that a judge finds, in one of a few seeds, the rule that a double breaks.
fn is_found_by(
    judge: impl Fn(&Plan, &[Entry]) -> Vec<Violation>,
    plan: impl Fn(u64) -> Plan,
    double: Double,
    rule: Rule,
) {
    let found = (0..TRIES).any(|seed| {
        let plan = plan(seed);
        let violations = judge(&plan, &run::run(&plan, double));
        violations.iter().any(|violation| violation.rule == rule)
    });
    assert!(found, "no run shows {double:?} as {rule:?}");
}

fn is_found(double: Double, rule: Rule) {
    is_found_by(judge, Plan::new, double, rule);
}

#[test]
fn the_oracle_finds_a_commit_that_is_one_offset_too_far() {
    is_found(Double::CommitsTooFar, Rule::Settled);
}

#[test]
fn the_oracle_finds_a_record_that_is_never_handed_over() {
    is_found(Double::DropsARecord, Rule::Complete);
}

#[test]
fn the_oracle_finds_a_record_with_the_content_of_another() {
    is_found(Double::SwapsRecords, Rule::Faithful);
}

#[test]
fn the_oracle_finds_a_reply_that_never_arrives() {
    is_found(Double::LosesMessages, Rule::Settled);
}

#[test]
fn the_oracle_finds_a_reply_that_arrives_twice() {
    is_found(Double::DoublesMessages, Rule::Replies);
}

#[test]
fn the_oracle_finds_a_commit_that_is_forgotten() {
    is_found(Double::ForgetsCommits, Rule::Finished);
}

#[test]
fn the_oracle_finds_handlers_of_one_key_that_run_in_parallel() {
    is_found(Double::Disorder, Rule::Order);
}

#[test]
fn the_oracle_finds_a_handler_too_many() {
    is_found(Double::TooManyInFlight, Rule::Bounds);
}

#[test]
fn the_oracle_finds_a_record_too_many() {
    is_found(Double::TooManyUnsettled, Rule::Bounds);
}

#[test]
fn the_oracle_finds_bytes_too_many() {
    is_found(Double::TooManyBytes, Rule::Bounds);
}

#[test]
fn the_oracle_finds_a_repetition_of_what_was_committed_ahead() {
    is_found(Double::ForgetsWhatIsAhead, Rule::Duplicates);
}

#[test]
fn the_oracle_finds_a_release_that_leaves_gaps() {
    is_found(Double::ReleasesAtOnce, Rule::Duplicates);
}
