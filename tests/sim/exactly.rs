//! The runtime under `delivery = "exactly_once"`, in schedules that seeds decide. The oracle checks it as usual; here the tests check what a
//! reader of committed messages sees: all answers of each record, once, with its offset, in the order of its key.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use fastrand::Rng;
use kaufmann::config::{Delivery, Ordering};

use crate::ahead::{Ranges, contain};
use crate::double::Double;
use crate::journal::{Entry, How, Sent, What};
use crate::oracle::{self, Rule, Violation};
use crate::plan::{Kind, Plan, transactional_faults};
use crate::{is_found_by, range, report, run, variable};

/// The seeds of an ordinary `cargo test`; `KAUFMANN_SIM_SEEDS` sets others.
const SEEDS: Range<u64> = 0..150;

/// A record: partition and offset.
type Place = (i32, i64);

/// The view of a reader of committed messages.
struct Reader<'a> {
    plan: &'a Plan,
    partitions: BTreeMap<u64, i32>,
    attempts: BTreeMap<u64, (Place, Option<How>)>,
    /// The messages of each record.
    messages: BTreeMap<Place, BTreeSet<Message>>,
    /// The committed offset of each partition, and what is settled above it.
    committed: BTreeMap<i32, (i64, Ranges)>,
    /// Messages of the transaction that is being read.
    now: Vec<Place>,
    /// The cause of the last reply of a key.
    last: BTreeMap<(i32, u8), i64>,
    violations: Vec<Violation>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Message {
    Reply { token: u64, number: u64 },
    Aside { token: u64 },
    Letter,
}

fn judge(plan: &Plan, journal: &[Entry]) -> Vec<Violation> {
    let mut reader = Reader {
        plan,
        partitions: BTreeMap::new(),
        attempts: BTreeMap::new(),
        messages: BTreeMap::new(),
        committed: BTreeMap::new(),
        now: Vec::new(),
        last: BTreeMap::new(),
        violations: Vec::new(),
    };
    for (entry, Entry { what, .. }) in journal.iter().enumerate() {
        for (rule, text) in reader.see(what) {
            reader.violations.push(Violation { entry, rule, text });
        }
    }
    for (rule, text) in reader.end() {
        let entry = journal.len();
        reader.violations.push(Violation { entry, rule, text });
    }
    reader.violations
}

impl Reader<'_> {
    fn see(&mut self, what: &What) -> Vec<(Rule, String)> {
        match what {
            What::Assigned {
                assignment,
                partition,
                ..
            } => _ = self.partitions.insert(*assignment, *partition),
            What::Begun {
                assignment,
                offset,
                token,
                ..
            } => {
                let place = (self.partitions[assignment], *offset);
                self.attempts.insert(*token, (place, None));
            }
            What::Ended { token, how } => {
                if let Some((_, ended)) = self.attempts.get_mut(token) {
                    *ended = Some(*how);
                }
            }
            What::Delivered { message } => return self.delivered(*message).into_iter().collect(),
            What::Committed {
                assignment,
                offset,
                ahead,
            } => {
                let partition = self.partitions[assignment];
                let before = self.committed.insert(partition, (*offset, ahead.clone()));
                return self.settled(partition, &before.unwrap_or_default());
            }
            What::Together => {
                let apart = std::mem::take(&mut self.now)
                    .into_iter()
                    .filter(|place| !self.is_settled(*place));
                return apart
                    .map(|place| {
                        (
                            Rule::Settled,
                            format!("{place:?} has messages, and its offset is not committed"),
                        )
                    })
                    .collect();
            }
            _ => {}
        }
        Vec::new()
    }

    fn is_settled(&self, (partition, offset): Place) -> bool {
        self.committed
            .get(&partition)
            .is_some_and(|(committed, ahead)| offset < *committed || contain(ahead, offset))
    }

    fn delivered(&mut self, message: Sent) -> Option<(Rule, String)> {
        let (place, message) = match message {
            Sent::Letter { assignment, offset } => ((self.partitions[&assignment], offset), Message::Letter),
            Sent::Reply { token, number } => (self.attempts[&token].0, Message::Reply { token, number }),
            Sent::Aside { token } => (self.attempts[&token].0, Message::Aside { token }),
        };
        let again = self.is_settled(place) || !self.messages.entry(place).or_default().insert(message);
        self.now.push(place);
        if again {
            return Some((Rule::Replies, format!("{message:?} of {place:?} is there again")));
        }
        let log = &self.plan.partitions[place.0 as usize];
        let key = log.iter().find(|item| item.offset == place.1)?.key?;
        if let (Message::Reply { .. }, true) = (message, self.plan.settings.ordering != Ordering::None) {
            let before = self.last.insert((place.0, key), place.1);
            if before > Some(place.1) {
                return Some((
                    Rule::Order,
                    format!("a reply to {place:?} follows one to {before:?} of its key"),
                ));
            }
        }
        None
    }

    /// Each committed record has all messages of its last attempt, and none of another.
    fn settled(&self, partition: i32, before: &(i64, Ranges)) -> Vec<(Rule, String)> {
        let (committed, ahead) = &self.committed[&partition];
        let log = &self.plan.partitions[partition as usize];
        let new = log.iter().filter(|item| {
            let was = item.offset < before.0 || contain(&before.1, item.offset);
            !was && !item.kind.is_unwanted() && (item.offset < *committed || contain(ahead, item.offset))
        });
        new.filter_map(|item| {
            let place = (partition, item.offset);
            let messages = self.messages.get(&place).cloned().unwrap_or_default();
            let is_whole = if item.kind == Kind::Event {
                let attempts = self.attempts.iter().filter(|(_, (other, _))| *other == place);
                attempts
                    .into_iter()
                    .any(|(token, (_, how))| is_whole(*token, *how, &messages))
            } else {
                messages.iter().eq([&Message::Letter])
            };
            (!is_whole).then(|| (Rule::Replies, format!("{place:?} is committed with {messages:?}")))
        })
        .collect()
    }

    fn end(&self) -> Vec<(Rule, String)> {
        let apart = self.messages.keys().filter(|place| !self.is_settled(**place));
        apart
            .map(|place| {
                (
                    Rule::Finished,
                    format!("{place:?} has messages and was never committed"),
                )
            })
            .collect()
    }
}

/// Whether these are the messages of an attempt with this end. Events it published itself may be missing: it may have been
/// cancelled while it did.
fn is_whole(token: u64, how: Option<How>, messages: &BTreeSet<Message>) -> bool {
    let others = messages
        .iter()
        .filter(|message| **message != Message::Aside { token });
    match how {
        Some(How::Done(replies)) => others
            .copied()
            .eq((0..replies).map(|number| Message::Reply { token, number })),
        Some(How::Skipped) => messages.is_empty(),
        Some(How::DeadLetter) => messages.iter().eq([&Message::Letter]),
        _ => false,
    }
}

fn plan(seed: u64) -> Plan {
    let mut plan = Plan::new(seed);
    plan.settings.delivery = Delivery::ExactlyOnce;
    plan.settings.commit_ahead = true;
    // A separate random generator, so that everything else stays the same.
    let mut rng = Rng::with_seed(seed ^ 0xe0);
    plan.faults.extend(transactional_faults(&mut rng));
    plan.faults.sort_by_key(|(at, _)| *at);
    plan
}

/// For the oracle a record is unsettled until its messages are committed; for `max_unsettled` it is settled when they are in a
/// transaction. Also, the oracle does not know how long a transaction may take.
fn concerns(violation: &Violation) -> bool {
    !violation.text.contains("was taken away with") && !violation.text.contains("records of partition")
}

fn violations(plan: &Plan, journal: &[Entry]) -> Vec<Violation> {
    let mut violations = judge(plan, journal);
    violations.extend(oracle::judge(plan, journal).into_iter().filter(concerns));
    violations
}

#[test]
fn under_any_schedule_each_answer_is_there_once_with_its_offset_and_in_the_order_of_its_key() {
    for seed in variable("KAUFMANN_SIM_SEEDS").map_or(SEEDS, |text| range(&text)) {
        let plan = plan(seed);
        let journal = run::run(&plan, Double::Honest);
        let found = report(seed, &journal, &violations(&plan, &journal));
        assert!(found.is_none(), "{}", found.unwrap_or_default());
    }
}

fn is_found(double: Double, rule: Rule) {
    is_found_by(judge, plan, double, rule);
}

#[test]
fn the_reader_finds_messages_of_an_aborted_transaction() {
    is_found(Double::KeepsWhatIsAborted, Rule::Replies);
}

#[test]
fn the_reader_finds_an_offset_that_is_committed_without_its_messages() {
    is_found(Double::LosesMessages, Rule::Replies);
}

#[test]
fn the_reader_finds_messages_whose_offset_is_not_committed() {
    is_found(Double::ForgetsCommits, Rule::Settled);
}

#[test]
fn the_oracle_finds_a_commit_that_waits_for_messages_its_transaction_holds() {
    is_found_by(
        oracle::judge,
        plan,
        Double::WaitsForWhatIsHeldBack,
        Rule::Finished,
    );
}

#[test]
fn the_reader_finds_answers_of_one_key_in_another_order() {
    is_found(Double::Disorder, Rule::Order);
}
