//! Checks that the named dead letters are open, before anything is done with any of them.

use std::collections::{BTreeMap, BTreeSet};

use super::dead_letters::{DeadLetters, Found};
use super::ledger::Ledger;
use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::kafka::cluster::Bounds;

/// By position: whether the record there is a dead letter.
type Seen = BTreeMap<(i32, i64), bool>;

/// Refuses positions without an open dead letter, all in one error.
pub(super) fn check(config: &Config, ledger: &Ledger, ids: &[(i32, i64)]) -> Result<(), Error> {
    let ids: BTreeSet<_> = ids.iter().copied().collect();
    let mut missing: BTreeMap<_, _> = ids
        .iter()
        .filter_map(|(partition, offset)| {
            Some(((*partition, *offset), ledger.why_closed(*partition, *offset)?))
        })
        .collect();
    let open: Vec<_> = ids.into_iter().filter(|id| !missing.contains_key(id)).collect();
    let seen = read(config, ledger, &open)?;
    for id in open {
        if let Some(why) = why_none(&seen, id) {
            missing.insert(id, why.to_owned());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, refusal(ledger.topic(), &missing)))
}

/// Reads the records at these positions.
fn read(config: &Config, ledger: &Ledger, ids: &[(i32, i64)]) -> Result<Seen, Error> {
    let mut dead_letters = DeadLetters::between(config, ledger.topic(), spans(ids))?;
    let mut seen = Seen::new();
    while let Some(found) = dead_letters.next_of_all(|| false)? {
        let (record, is_letter) = match &found {
            Found::DeadLetter(record, _) => (record, true),
            Found::Foreign(record) => (record, false),
        };
        seen.insert((record.partition(), record.offset()), is_letter);
    }
    Ok(seen)
}

/// The range of offsets from the first to the last position in each partition.
fn spans(ids: &[(i32, i64)]) -> BTreeMap<i32, Bounds> {
    let mut spans = BTreeMap::new();
    for (partition, offset) in ids {
        let span = spans.entry(*partition).or_insert(Bounds {
            start: *offset,
            end: offset + 1,
        });
        span.start = span.start.min(*offset);
        span.end = span.end.max(offset + 1);
    }
    spans
}

/// Why there is no dead letter at a position, if so.
fn why_none(seen: &Seen, id: (i32, i64)) -> Option<&'static str> {
    match seen.get(&id) {
        Some(true) => None,
        Some(false) => Some("the record there is not a dead letter"),
        None => Some("there is no record"),
    }
}

fn refusal(topic: &str, missing: &BTreeMap<(i32, i64), String>) -> String {
    let positions: Vec<_> = missing
        .iter()
        .map(|((partition, offset), why)| format!("\n  {partition}@{offset}: {why}"))
        .collect();
    format!(
        "no open dead letter in {topic} at:{}\n  nothing was done; `dlq list` and `dlq show` print the positions of open dead letters",
        positions.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_read_from_the_first_to_the_last_position() {
        let spans = spans(&[(0, 7), (1, 3), (0, 4)]);
        assert_eq!(spans[&0], Bounds { start: 4, end: 8 });
        assert_eq!(spans[&1], Bounds { start: 3, end: 4 });
    }

    #[test]
    fn each_position_without_a_dead_letter_is_listed_with_the_reason() {
        let seen = Seen::from([((0, 4), true), ((0, 5), false)]);
        assert_eq!(why_none(&seen, (0, 4)), None);
        assert_eq!(
            why_none(&seen, (0, 5)),
            Some("the record there is not a dead letter")
        );
        assert_eq!(why_none(&seen, (0, 6)), Some("there is no record"));
        let missing = BTreeMap::from([((0, 5), "a".to_owned()), ((2, 0), "b".to_owned())]);
        assert_eq!(
            refusal("g.dead-letter", &missing),
            "no open dead letter in g.dead-letter at:\n  0@5: a\n  2@0: b\n  nothing was done; `dlq list` and `dlq show` print the \
             positions of open dead letters"
        );
    }
}
