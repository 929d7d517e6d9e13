//! The runtime with retry topics, in schedules that seeds decide: a record whose attempts are used up waits in a topic, comes back when it is due and
//! not before, and nothing is lost, at least once and exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use kaufmann::config::Delivery;

use crate::double::Double;
use crate::journal::{Entry, How, What};
use crate::oracle::{Rule, Violation};
use crate::plan::{End, Fault, Plan};
use crate::{group::place_of, is_found_by, range, report, run, variable};

/// The seeds of an ordinary `cargo test`; `KAUFMANN_SIM_SEEDS` sets others.
const SEEDS: Range<u64> = 0..100;
/// How long records wait in each topic.
const DELAYS: &[Duration] = &[Duration::from_millis(400), Duration::from_secs(3)];
/// The precision of written times.
const ROUNDED: u64 = 1_000;

/// A record: the partition and the offset at which it was written first.
type Place = (i32, i64);

struct Judge<'a> {
    plan: &'a Plan,
    /// Their partitions.
    assignments: BTreeMap<u64, i32>,
    /// The record of an attempt, and its stage: 0 is the record's own topic, 1 the first retry topic.
    tokens: BTreeMap<u64, (Place, usize)>,
    /// When the first attempt at a record ended in a stage.
    ended: BTreeMap<(Place, usize), u64>,
    /// Records that were handled, wherever.
    done: BTreeSet<Place>,
    /// The topics in which a record waits or waited, and how often it was written there; the last one is the dead-letter topic.
    waits: BTreeMap<Place, BTreeMap<usize, u32>>,
    /// The original of each record in a retry topic.
    logs: BTreeMap<(usize, i64), Place>,
    /// The lengths of the retry topics, as far as they must be committed in the end.
    ends: Option<Vec<i64>>,
    committed: BTreeMap<i32, i64>,
    violations: Vec<Violation>,
    entry: usize,
}

fn judge(plan: &Plan, journal: &[Entry]) -> Vec<Violation> {
    let mut judge = Judge {
        plan,
        assignments: BTreeMap::new(),
        tokens: BTreeMap::new(),
        ended: BTreeMap::new(),
        done: BTreeSet::new(),
        waits: BTreeMap::new(),
        logs: BTreeMap::new(),
        ends: None,
        committed: BTreeMap::new(),
        violations: Vec::new(),
        entry: 0,
    };
    for (index, entry) in journal.iter().enumerate() {
        judge.entry = index;
        judge.see(entry);
    }
    judge.entry = journal.len();
    judge.end();
    judge.violations
}

impl Judge<'_> {
    fn demand(&mut self, holds: bool, rule: Rule, text: impl FnOnce() -> String) {
        if !holds {
            let (entry, text) = (self.entry, text());
            self.violations.push(Violation { entry, rule, text });
        }
    }

    /// The topic of a partition: 0 is that of the plan.
    fn stage(&self, partition: i32) -> usize {
        (partition as usize + 1).saturating_sub(self.plan.partitions.len())
    }

    fn see(&mut self, Entry { at, what, .. }: &Entry) {
        match what {
            What::Assigned {
                assignment,
                partition,
                ..
            } => _ = self.assignments.insert(*assignment, *partition),
            What::Begun {
                assignment,
                token,
                number,
                ..
            } => {
                let (place, stage) = (place_of(*number), self.stage(self.assignments[assignment]));
                self.tokens.insert(*token, (place, stage));
                if let Some(before) = stage.checked_sub(1) {
                    let due = self
                        .ended
                        .get(&(place, before))
                        .map(|ended| ended + DELAYS[before].as_micros() as u64);
                    let is_due = due.is_some_and(|due| at + ROUNDED >= due);
                    self.demand(is_due, Rule::Faithful, || {
                        format!("{place:?} began in stage {stage} at {at}, and is due at {due:?}")
                    });
                }
            }
            What::Ended { token, how } => {
                let (place, stage) = self.tokens[token];
                // It waits from the first time; a repetition writes it once more.
                self.ended.entry((place, stage)).or_insert(*at);
                if matches!(how, How::Done(_) | How::Skipped) {
                    self.done.insert(place);
                }
            }
            What::Waits { topic, at, place } => {
                if *topic < DELAYS.len() {
                    self.logs.insert((*topic, *at), *place);
                }
                let before = self.waits.entry(*place).or_default();
                *before.entry(*topic).or_default() += 1;
                let (again, skipped) = (
                    before[topic] > 1,
                    *topic > 0 && *topic < DELAYS.len() && !before.contains_key(&(topic - 1)),
                );
                let once = self.plan.settings.delivery == Delivery::ExactlyOnce || is_calm(self.plan);
                self.demand(!(once && again), Rule::Replies, || {
                    format!("{place:?} waits in topic {topic} again")
                });
                self.demand(!skipped, Rule::Faithful, || {
                    format!("{place:?} waits in topic {topic} before the one before")
                });
            }
            What::Committed {
                assignment, offset, ..
            } => {
                let partition = self.assignments[assignment];
                let before = self.committed.insert(partition, *offset).unwrap_or(0);
                self.settled(partition, before, *offset);
            }
            What::Done => self.ends = Some(self.lengths()),
            _ => {}
        }
    }

    /// How many records each retry topic has.
    fn lengths(&self) -> Vec<i64> {
        let length = |topic| self.logs.range((topic, 0)..(topic + 1, 0)).count() as i64;
        (0..DELAYS.len()).map(length).collect()
    }

    /// A committed record was handled, or is in a later topic.
    fn settled(&mut self, partition: i32, before: i64, committed: i64) {
        let stage = self.stage(partition);
        let places: Vec<Place> = match stage.checked_sub(1) {
            None => {
                let log = self.plan.partitions[partition as usize].iter();
                log.filter(|item| (before..committed).contains(&item.offset) && !item.kind.is_unwanted())
                    .map(|item| (partition, item.offset))
                    .collect()
            }
            Some(topic) => (before..committed)
                .filter_map(|offset| self.logs.get(&(topic, offset)).copied())
                .collect(),
        };
        for place in places {
            let further = self.waits.get(&place).and_then(|waits| waits.keys().max());
            let is_settled = self.done.contains(&place) || further.is_some_and(|topic| *topic >= stage);
            self.demand(is_settled, Rule::Settled, || {
                format!("{place:?} is committed in stage {stage}, and was neither handled nor put off")
            });
        }
    }

    fn end(&mut self) {
        for (partition, log) in (0i32..).zip(&self.plan.partitions) {
            for item in log.iter().filter(|item| !item.kind.is_unwanted()) {
                let place = (partition, item.offset);
                let is_letter = self
                    .waits
                    .get(&place)
                    .is_some_and(|waits| waits.contains_key(&DELAYS.len()));
                let is_there = is_letter || self.done.contains(&place);
                self.demand(is_there, Rule::Complete, || {
                    format!("nothing became of {place:?}")
                });
            }
            let end = self.plan.end(partition as usize);
            let committed = self.committed.get(&partition).copied().unwrap_or(0);
            self.demand(committed == end, Rule::Finished, || {
                format!("{committed:?} of {partition} is committed in the end instead of {end}")
            });
        }
        let ends = self.ends.clone().unwrap_or_else(|| self.lengths());
        for (topic, end) in ends.into_iter().enumerate() {
            let partition = (self.plan.partitions.len() + topic) as i32;
            let committed = self.committed.get(&partition).copied().unwrap_or(0);
            self.demand(committed >= end, Rule::Finished, || {
                format!("{committed} of retry topic {topic} is committed in the end instead of {end}")
            });
        }
    }
}

/// Whether there are no faults and no fatal failures.
fn is_calm(plan: &Plan) -> bool {
    let mut acts = plan.partitions.iter().flatten().flat_map(|item| &item.acts);
    plan.faults.is_empty() && !acts.any(|act| act.end == End::Fatal)
}

/// The plan of a seed; what happens to partitions happens to those of retry topics too.
fn plan(seed: u64, delivery: Delivery) -> Plan {
    let mut plan = Plan::new(seed);
    plan.settings.delivery = delivery;
    plan.settings.commit_ahead |= delivery == Delivery::ExactlyOnce;
    plan.settings.retry_topics = DELAYS;
    let all = plan.partitions.len() + DELAYS.len();
    for (number, (_, fault)) in plan.faults.iter_mut().enumerate() {
        if let Fault::Move { partition, .. } | Fault::Lose { partition, .. } = fault {
            *partition = (*partition + number) % all;
        }
    }
    plan
}

fn holds(delivery: Delivery) {
    for seed in variable("KAUFMANN_SIM_SEEDS").map_or(SEEDS, |text| range(&text)) {
        let plan = plan(seed, delivery);
        let journal = run::run(&plan, Double::Honest);
        let found = report(seed, &journal, &judge(&plan, &journal));
        assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
}

#[test]
fn under_any_schedule_records_in_retry_topics_return_when_due_and_none_is_lost() {
    holds(Delivery::AtLeastOnce);
}

#[test]
fn under_any_schedule_exactly_once_moves_a_record_once_to_each_retry_topic() {
    holds(Delivery::ExactlyOnce);
}

#[test]
fn without_faults_a_record_waits_once_in_each_retry_topic() {
    let mut waited = BTreeSet::new();
    for seed in 0..40 {
        let mut plan = plan(seed, Delivery::AtLeastOnce);
        plan.faults.clear();
        plan.settings.shutdown_deadline = Duration::from_secs(3_600);
        let items = plan.partitions.iter_mut().flatten();
        for act in items.flat_map(|item| &mut item.acts) {
            if act.end == End::Fatal {
                act.end = End::Fail;
            }
        }
        assert!(is_calm(&plan));
        let journal = run::run(&plan, Double::Honest);
        let found = report(seed, &journal, &judge(&plan, &journal));
        assert!(found.is_none(), "{}", found.unwrap_or_default());
        waited.extend(journal.iter().filter_map(|entry| match entry.what {
            What::Waits { topic, .. } => Some(topic),
            _ => None,
        }));
    }
    assert_eq!(waited.len(), DELAYS.len() + 1, "{waited:?}");
}

#[test]
fn a_record_written_to_a_retry_topic_after_the_last_commit_is_left_to_the_next_member() {
    let plan = (0..)
        .map(|seed| plan(seed, Delivery::AtLeastOnce))
        .find(is_calm)
        .unwrap();
    let journal = run::run(&plan, Double::Honest);
    let done = journal.iter().position(|entry| entry.what == What::Done).unwrap();
    let late = |at: usize| {
        let mut journal = journal.clone();
        let written = journal
            .iter()
            .filter(|entry| matches!(entry.what, What::Waits { topic: 0, .. }));
        let what = What::Waits {
            topic: 0,
            at: written.count() as i64,
            place: (0, plan.partitions[0][0].offset),
        };
        let entry = Entry {
            what,
            ..journal[done].clone()
        };
        journal.insert(at, entry);
        judge(&plan, &journal)
            .into_iter()
            .map(|violation| violation.rule)
            .any(|rule| rule == Rule::Finished)
    };
    assert!(late(done), "before that it must be committed");
    assert!(!late(done + 1));
}

fn is_found(double: Double, rule: Rule) {
    is_found_by(judge, |seed| plan(seed, Delivery::ExactlyOnce), double, rule);
}

#[test]
fn the_judge_finds_a_record_that_is_missing_from_its_retry_topic() {
    is_found(Double::LosesMessages, Rule::Settled);
}

#[test]
fn the_judge_finds_a_record_that_waits_twice() {
    is_found(Double::KeepsWhatIsAborted, Rule::Replies);
}
