//! The oracle: a function of what was written, what the handlers recorded, and what was published.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use kaufmann_tests::chaos::{Entry, Step};

/// A run, as it can be seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The written records, in order; the numbers count from 0.
    pub(crate) written: Vec<Written>,
    /// The handlers' journal, in order.
    pub(crate) journal: Vec<Entry>,
    /// The published messages, partition by partition, in the order of the offsets.
    pub(crate) replies: Vec<Reply>,
    /// The numbers of the dead letters.
    pub(crate) letters: Vec<i64>,
    /// Whether an instance could be cut off from the group and go on for a while without noticing.
    pub(crate) zombies: bool,
}

/// A record that was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Written {
    pub(crate) key: Arc<str>,
    pub(crate) fate: Fate,
}

/// The expected end of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is handled and answered.
    Answered,
    /// Its handler refuses it.
    Refused,
    /// No handler sees it, because it cannot be decoded.
    Undecodable,
}

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) number: i64,
    pub(crate) key: Arc<str>,
    /// Its `ce_id`.
    pub(crate) id: String,
}

/// The figures of a correct run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Account {
    pub(crate) written: usize,
    /// Records with a reply.
    pub(crate) answered: usize,
    /// Records with a dead letter.
    pub(crate) letters: usize,
    /// How often a handler began with a record again; retries are not counted.
    pub(crate) repeats: usize,
    /// Duplicate replies and dead letters.
    pub(crate) duplicates: usize,
    /// Attempts at handling.
    pub(crate) attempts: usize,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            written,
            answered,
            letters,
            repeats,
            duplicates,
            attempts,
        } = self;
        write!(
            f,
            "{written} written = {answered} answered + {letters} letters; {attempts} attempts, {repeats} records again, \
             {duplicates} replies and letters twice"
        )
    }
}

/// How many violations of one kind are reported.
const TOLD: usize = 5;

/// Judges a run. Returns the violations, a few of each kind.
pub(crate) fn judge(history: &History) -> Result<Account, Vec<String>> {
    let mut wrong = Wrong::default();
    let ends = nothing_is_missing(history, &mut wrong);
    let begun = |entry: &&Entry| entry.step == Step::Begun;
    let account = Account {
        written: history.written.len(),
        repeats: repeats(&history.journal),
        attempts: history.journal.iter().filter(begun).count(),
        ..ends
    };
    handlers_keep_the_order(history, &mut wrong);
    replies_keep_the_order(history, &mut wrong);
    replies_are_recognised(history, &mut wrong);
    wrong.told(account)
}

#[derive(Default)]
struct Wrong(BTreeMap<&'static str, Vec<String>>);

impl Wrong {
    fn say(&mut self, kind: &'static str, what: impl FnOnce() -> String) {
        self.0.entry(kind).or_default().push(what());
    }

    fn told<T>(self, right: T) -> Result<T, Vec<String>> {
        if self.0.is_empty() {
            return Ok(right);
        }
        let tell = |(kind, all): (&str, Vec<String>)| {
            let first = all[..all.len().min(TOLD)].join("; ");
            format!("{kind}, {} times: {first}", all.len())
        };
        Err(self.0.into_iter().map(tell).collect())
    }
}

fn fate(history: &History, number: i64) -> Option<Fate> {
    let index = usize::try_from(number).ok()?;
    history.written.get(index).map(|written| written.fate)
}

/// Every number has its expected end, and no other. Counts the ends, and the duplicates.
fn nothing_is_missing(history: &History, wrong: &mut Wrong) -> Account {
    let mut answered: HashMap<i64, usize> = HashMap::new();
    let mut letters: HashMap<i64, usize> = HashMap::new();
    let mut done: HashMap<i64, usize> = HashMap::new();
    for reply in &history.replies {
        *answered.entry(reply.number).or_default() += 1;
        if fate(history, reply.number) != Some(Fate::Answered) {
            wrong.say("a reply that nothing calls for", || reply.number.to_string());
        }
    }
    for number in &history.letters {
        *letters.entry(*number).or_default() += 1;
        if matches!(fate(history, *number), None | Some(Fate::Answered)) {
            wrong.say("a letter that nothing calls for", || number.to_string());
        }
    }
    for entry in &history.journal {
        if entry.step == Step::Done {
            *done.entry(entry.number).or_default() += 1;
        }
    }
    for (number, written) in (0_i64..).zip(&history.written) {
        let ends = match written.fate {
            Fate::Answered => &answered,
            Fate::Refused | Fate::Undecodable => &letters,
        };
        if !ends.contains_key(&number) {
            wrong.say("a record without an end", || {
                format!("{number} of {}, {:?}", written.key, written.fate)
            });
        }
        let replies = answered.get(&number).copied().unwrap_or(0);
        if replies > done.get(&number).copied().unwrap_or(0) {
            wrong.say("more replies than times it was handled", || {
                format!("{number}: {replies}")
            });
        }
    }
    let more = |ends: &HashMap<i64, usize>| ends.values().map(|count| count - 1).sum::<usize>();
    Account {
        answered: answered.len(),
        letters: letters.len(),
        duplicates: more(&answered) + more(&letters),
        ..Account::default()
    }
}

/// How often a record began again, without retries by the same instance under the same assignment.
fn repeats(journal: &[Entry]) -> usize {
    let mut last: HashMap<(u32, i64), u32> = HashMap::new();
    let mut deliveries: HashMap<i64, usize> = HashMap::new();
    for entry in journal.iter().filter(|entry| entry.step == Step::Begun) {
        let before = last.insert((entry.incarnation, entry.number), entry.attempt);
        if before.is_none_or(|before| entry.attempt <= before) {
            *deliveries.entry(entry.number).or_default() += 1;
        }
    }
    deliveries.values().map(|count| count - 1).sum()
}

/// The index of each number among those of its key that pass `counts`.
fn places(
    history: &History,
    counts: impl Fn(Fate) -> bool,
) -> (HashMap<i64, usize>, HashMap<Arc<str>, Vec<i64>>) {
    let mut places = HashMap::new();
    let mut keys: HashMap<Arc<str>, Vec<i64>> = HashMap::new();
    for (number, written) in (0_i64..).zip(&history.written) {
        if counts(written.fate) {
            let numbers = keys.entry(Arc::clone(&written.key)).or_default();
            places.insert(number, numbers.len());
            numbers.push(number);
        }
    }
    (places, keys)
}

/// A key's records begin one after another: none begins before the previous one is done, by any instance; and an
/// instance continues after what it, or others since, have done.
fn handlers_keep_the_order(history: &History, wrong: &mut Wrong) {
    let (places, keys) = places(history, |fate| fate != Fate::Undecodable);
    // When each number was done last, as a line of the journal.
    let mut done: HashMap<i64, usize> = HashMap::new();
    // What each instance began last of each key: the place, and the line.
    let mut begun: HashMap<(u32, &str), (usize, usize)> = HashMap::new();
    for (line, entry) in history.journal.iter().enumerate() {
        let Some(place) = places.get(&entry.number).copied() else {
            wrong.say("a handler has seen what nobody wrote", || format!("{entry:?}"));
            continue;
        };
        if entry.step != Step::Begun {
            done.insert(entry.number, line);
            continue;
        }
        let numbers = &keys[&entry.key];
        if let Some(before) = place
            .checked_sub(1)
            .filter(|before| !done.contains_key(&numbers[*before]))
        {
            wrong.say("begun before the one before it was done", || {
                format!("{entry:?} on line {line}, the one before is {}", numbers[before])
            });
        }
        let last = begun.insert((entry.incarnation, &entry.key), (place, line));
        if let Some((last, since)) = last {
            let skipped = numbers[last..place.max(last)]
                .iter()
                .find(|number| !done.get(number).is_some_and(|at| history.zombies || *at > since));
            if let Some(skipped) = skipped {
                wrong.say("skipped by the instance that goes on", || {
                    format!("{skipped}, before {entry:?} on line {line}")
                });
            }
        }
    }
}

/// A key's replies are in order; a repetition goes back, and nothing is skipped.
fn replies_keep_the_order(history: &History, wrong: &mut Wrong) {
    let (places, _) = places(history, |fate| fate == Fate::Answered);
    let mut next: HashMap<&str, usize> = HashMap::new();
    for reply in &history.replies {
        let Some(place) = places.get(&reply.number).copied() else {
            continue; // Already reported as unexpected.
        };
        let next = next.entry(&reply.key).or_default();
        if place > *next {
            wrong.say("a reply ahead of its turn", || {
                format!(
                    "{} of {}, whose next would be the {next}th",
                    reply.number, reply.key
                )
            });
        }
        *next = (*next).max(place + 1);
    }
}

/// Duplicates have the same id, and only duplicates do.
fn replies_are_recognised(history: &History, wrong: &mut Wrong) {
    let mut ids: HashMap<i64, &str> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for reply in &history.replies {
        match ids.insert(reply.number, &reply.id) {
            Some(before) if before != reply.id => {
                wrong.say("a reply twice by two ids", || {
                    format!("{}: {before} and {}", reply.number, reply.id)
                });
            }
            None if !seen.insert(&reply.id) => {
                wrong.say("two replies by one id", || {
                    format!("{}: {}", reply.number, reply.id)
                });
            }
            _ => {}
        }
    }
}
