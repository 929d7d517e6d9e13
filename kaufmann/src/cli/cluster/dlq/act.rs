//! `dlq replay` and `dlq discard`: letters go back to where they came from, or are given up. A letter is noted as dealt with only
//! once the broker has what came of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ledger::Ledger;
use super::letters::{Found, Letters};
use super::select::Selection;
use crate::base::error::{Error, ErrorKind};
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use crate::kafka::sender::{Sender, Sent, Unsent};
use crate::publish::dead_letter::opened::{DeadLetter, moved};
use crate::record::Record;

/// The command that moves records of retry topics that nobody reads.
pub(in crate::cli::cluster) const DRAIN: &str = "drain";
/// How many may be on their way.
const IN_FLIGHT: usize = 500;
/// How often what was done is kept.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Summary {
    pub(in crate::cli::cluster) command: &'static str,
    /// The dead-letter topic.
    pub(in crate::cli::cluster) topic: String,
    pub(in crate::cli::cluster) dry_run: bool,
    /// How many were sent back, or discarded.
    pub(in crate::cli::cluster) done: u64,
    /// To which topics how many were sent back.
    pub(in crate::cli::cluster) topics: BTreeMap<String, u64>,
    /// How many letters are still open; not known if it was interrupted.
    pub(in crate::cli::cluster) remaining: Option<u64>,
    /// Those that were meant, and could not be sent back.
    pub(in crate::cli::cluster) left: Vec<Left>,
    pub(in crate::cli::cluster) interrupted: bool,
}

/// A letter that could not be sent back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Left {
    pub(in crate::cli::cluster) letter: String,
    pub(in crate::cli::cluster) why: String,
}

/// Deals with letters, or with records of a retry topic, which look the same.
pub(in crate::cli::cluster) struct Act<'a> {
    pub(in crate::cli::cluster) command: &'static str,
    pub(in crate::cli::cluster) selection: &'a Selection,
    pub(in crate::cli::cluster) max: Option<u64>,
    /// None discards them.
    pub(in crate::cli::cluster) sender: Option<Sender>,
    /// The retry topic to which all are moved as they are, those that are no letters too. None: back to where they were read.
    pub(in crate::cli::cluster) to: Option<Arc<str>>,
    pub(in crate::cli::cluster) dry_run: bool,
    pub(in crate::cli::cluster) signals: &'a Signals,
}

/// A letter that is on its way back.
struct OnItsWay {
    sent: Sent,
    partition: i32,
    offset: i64,
    letter: String,
    topic: String,
}

impl Act<'_> {
    /// Deals with the letters that are meant, in the order of the topic's partitions, until a signal comes.
    pub(in crate::cli::cluster) async fn run(
        &self,
        ledger: &mut Ledger,
        letters: &mut Letters,
    ) -> Result<Summary, Error> {
        let mut summary = Summary {
            command: self.command,
            topic: ledger.topic().to_owned(),
            dry_run: self.dry_run,
            done: 0,
            topics: BTreeMap::new(),
            remaining: Some(0),
            left: Vec::new(),
            interrupted: false,
        };
        let mut on_their_way = VecDeque::new();
        let mut partitions = HashMap::new();
        let progress = Progress::new(summary.command, letters.total());
        let mut kept = Instant::now();
        let mut taken = 0;
        let mut broken = None;
        while let Some(found) = letters.next(ledger, || self.signals.has_come())? {
            progress.at(letters.read());
            summary.interrupted = self.signals.has_come();
            let is_over = summary.interrupted || broken.is_some() || self.max.is_some_and(|max| taken >= max);
            let (record, letter) = match found {
                Found::DeadLetter(record, letter) => (record, letter),
                Found::Foreign(record) => {
                    if self.command == DRAIN && !is_over {
                        let why = "it has none of the headers of a record that was moved to a retry topic"
                            .to_owned();
                        leave(&mut summary, &mut broken, record.to_string(), alone(why));
                    }
                    continue;
                }
            };
            let key = record.key().map(crate::cli::cluster::shown::printable);
            if is_over
                || !self
                    .selection
                    .has(record.partition(), record.offset(), key.as_deref(), &letter)
            {
                stays(&mut summary);
                if summary.interrupted || broken.is_some() {
                    break;
                }
                continue;
            }
            taken += 1;
            match self.begin(ledger, &mut partitions, &record, &letter).await {
                Ok(None) => {
                    if !self.dry_run {
                        ledger.settle(record.partition(), record.offset());
                    }
                    note(&mut summary, self.sender.is_some().then(|| source(&letter)));
                }
                Ok(Some(sent)) => on_their_way.push_back(sent),
                Err(unsent) => leave(&mut summary, &mut broken, letter.failure.position, unsent),
            }
            while on_their_way.len() >= IN_FLIGHT
                || (kept.elapsed() >= KEEP_EVERY && !on_their_way.is_empty())
            {
                arrive(&mut on_their_way, ledger, &mut summary, &mut broken).await;
            }
            if kept.elapsed() >= KEEP_EVERY {
                ledger.keep()?;
                kept = Instant::now();
            }
        }
        while !on_their_way.is_empty() {
            arrive(&mut on_their_way, ledger, &mut summary, &mut broken).await;
        }
        summary.interrupted |= self.signals.has_come() && !letters.are_read();
        if summary.interrupted {
            summary.remaining = None;
        }
        if !self.dry_run {
            ledger.keep()?;
        }
        progress.end();
        match broken {
            None => Ok(summary),
            Some(text) => {
                let done = match self.command {
                    DRAIN => format!(
                        "{} records were moved before; the same command goes on",
                        summary.done
                    ),
                    _ => format!(
                        "{} letters were sent back before; the same command goes on",
                        summary.done
                    ),
                };
                Err(Error::new(ErrorKind::Publish, format!("{text}; {done}")))
            }
        }
    }

    /// Sends a letter back; nothing is on its way if it is discarded or only looked at.
    async fn begin(
        &self,
        ledger: &Ledger,
        partitions: &mut HashMap<String, i32>,
        record: &Record,
        letter: &DeadLetter,
    ) -> Result<Option<OnItsWay>, Unsent> {
        let Some(sender) = &self.sender else {
            return Ok(None);
        };
        let (message, partition) = match &self.to {
            Some(topic) => (moved(record, topic), None),
            None => {
                let (message, partition) = letter.restore(record).map_err(alone)?;
                (message, Some(partition))
            }
        };
        let topic = message.topic.to_string();
        let count = match partitions.get(&topic) {
            Some(count) => *count,
            None => {
                let found = ledger
                    .cluster()
                    .topic(&topic)
                    .map_err(|error| alone(error.to_string()))?;
                partitions.insert(topic.clone(), found.partitions);
                found.partitions
            }
        };
        if self.dry_run {
            return Ok(None);
        }
        // A topic that was made anew with fewer partitions: the key decides.
        let partition = partition.filter(|partition| *partition < count);
        let sent = sender.send(&message, partition).await?;
        Ok(Some(OnItsWay {
            sent,
            partition: record.partition(),
            offset: record.offset(),
            letter: letter.failure.position.clone(),
            topic,
        }))
    }
}

/// Trouble with one message.
fn alone(text: String) -> Unsent {
    Unsent { text, alone: true }
}

/// Waits for the oldest that is on its way.
async fn arrive(
    on_their_way: &mut VecDeque<OnItsWay>,
    ledger: &mut Ledger,
    summary: &mut Summary,
    broken: &mut Option<String>,
) {
    let Some(first) = on_their_way.pop_front() else {
        return;
    };
    match first.sent.arrived().await {
        Ok(()) => {
            ledger.settle(first.partition, first.offset);
            note(summary, Some(first.topic));
        }
        Err(unsent) => leave(summary, broken, first.letter, unsent),
    }
}

fn note(summary: &mut Summary, topic: Option<String>) {
    summary.done += 1;
    if let Some(topic) = topic {
        *summary.topics.entry(topic).or_default() += 1;
    }
}

/// A letter stays open.
fn stays(summary: &mut Summary) {
    summary.remaining = summary.remaining.map(|count| count + 1);
}

/// A letter stays open. Trouble that is not about it alone ends the command.
fn leave(summary: &mut Summary, broken: &mut Option<String>, letter: String, unsent: Unsent) {
    stays(summary);
    if unsent.alone {
        summary.left.push(Left {
            letter,
            why: unsent.text,
        });
    } else {
        broken.get_or_insert(unsent.text);
    }
}

fn source(letter: &DeadLetter) -> String {
    letter
        .failure
        .source
        .as_ref()
        .map_or_else(String::new, |source| source.topic.clone())
}
