//! `dlq replay` and `dlq discard`: send dead letters back to where they came from, or discard them. A dead letter is marked as dealt
//! with only once the broker has the record that was sent back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::dead_letters::{DeadLetters, Found};
use super::ledger::Ledger;
use super::select::Selection;
use crate::base::error::{Error, ErrorKind};
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use crate::kafka::sender::{Sender, Sent, Unsent};
use crate::publish::dead_letter::opened::{DeadLetter, moved};
use crate::record::Record;

/// The command that moves records out of retry topics that no service reads.
pub(in crate::cli::cluster) const DRAIN: &str = "drain";
/// How many messages may be in flight.
const IN_FLIGHT: usize = 500;
/// How often the progress is stored.
const STORE_EVERY: Duration = Duration::from_secs(1);

/// The result.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Summary {
    pub(in crate::cli::cluster) command: &'static str,
    /// The dead-letter topic.
    pub(in crate::cli::cluster) topic: String,
    pub(in crate::cli::cluster) dry_run: bool,
    /// How many dead letters were sent back or discarded.
    pub(in crate::cli::cluster) done: u64,
    /// By topic: how many were sent back.
    pub(in crate::cli::cluster) topics: BTreeMap<String, u64>,
    /// How many dead letters are still open; `None` if it was interrupted.
    pub(in crate::cli::cluster) remaining: Option<u64>,
    /// The selected ones that could not be sent back.
    pub(in crate::cli::cluster) left: Vec<Left>,
    pub(in crate::cli::cluster) interrupted: bool,
}

/// A dead letter that could not be sent back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::cli::cluster) struct Left {
    #[serde(rename = "letter")]
    pub(in crate::cli::cluster) dead_letter: String,
    pub(in crate::cli::cluster) why: String,
}

/// Processes dead letters, or the records of a retry topic, which have the same form.
pub(in crate::cli::cluster) struct Act<'a> {
    pub(in crate::cli::cluster) command: &'static str,
    pub(in crate::cli::cluster) selection: &'a Selection,
    pub(in crate::cli::cluster) max: Option<u64>,
    /// `None`: discard them.
    pub(in crate::cli::cluster) sender: Option<Sender>,
    /// The retry topic to which all are moved unchanged. `None`: back to where they were read.
    pub(in crate::cli::cluster) to: Option<Arc<str>>,
    pub(in crate::cli::cluster) dry_run: bool,
    pub(in crate::cli::cluster) signals: &'a Signals,
}

/// A dead letter whose record is in flight.
struct InFlight {
    sent: Sent,
    partition: i32,
    offset: i64,
    dead_letter: String,
    topic: String,
}

impl Act<'_> {
    /// Processes the selected dead letters in the topic's order, until a signal.
    pub(in crate::cli::cluster) async fn run(
        &self,
        ledger: &mut Ledger,
        dead_letters: &mut DeadLetters,
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
        let mut in_flight = VecDeque::new();
        let mut partitions = HashMap::new();
        let progress = Progress::new(summary.command, dead_letters.total());
        let mut stored = Instant::now();
        let mut selected = 0;
        let mut broken = None;
        while let Some(found) = dead_letters.next(ledger, || self.signals.received())? {
            progress.at(dead_letters.read());
            summary.interrupted = self.signals.received();
            let is_over =
                summary.interrupted || broken.is_some() || self.max.is_some_and(|max| selected >= max);
            let (record, dead_letter) = match found {
                Found::DeadLetter(record, dead_letter) => (record, dead_letter),
                Found::Foreign(record) => {
                    if self.command == DRAIN && !is_over {
                        let why = "it does not have the headers of a record in a retry topic".to_owned();
                        leave_open(&mut summary, &mut broken, record.to_string(), of_one(why));
                    }
                    continue;
                }
            };
            let key = record.key().map(crate::cli::cluster::shown::printable);
            if is_over
                || !self
                    .selection
                    .has(record.partition(), record.offset(), key.as_deref(), &dead_letter)
            {
                count_open(&mut summary);
                if summary.interrupted || broken.is_some() {
                    break;
                }
                continue;
            }
            selected += 1;
            match self.begin(ledger, &mut partitions, &record, &dead_letter).await {
                Ok(None) => {
                    if !self.dry_run {
                        ledger.settle(record.partition(), record.offset());
                    }
                    count_done(&mut summary, self.sender.is_some().then(|| source(&dead_letter)));
                }
                Ok(Some(sent)) => in_flight.push_back(sent),
                Err(unsent) => leave_open(&mut summary, &mut broken, dead_letter.failure.position, unsent),
            }
            while in_flight.len() >= IN_FLIGHT || (stored.elapsed() >= STORE_EVERY && !in_flight.is_empty()) {
                await_oldest(&mut in_flight, ledger, &mut summary, &mut broken).await;
            }
            if stored.elapsed() >= STORE_EVERY {
                ledger.store()?;
                stored = Instant::now();
            }
        }
        while !in_flight.is_empty() {
            await_oldest(&mut in_flight, ledger, &mut summary, &mut broken).await;
        }
        summary.interrupted |= self.signals.received() && !dead_letters.are_read();
        if summary.interrupted {
            summary.remaining = None;
        }
        if !self.dry_run {
            ledger.store()?;
        }
        progress.end();
        match broken {
            None => Ok(summary),
            Some(text) => {
                let done = match self.command {
                    DRAIN => format!(
                        "{} records were moved before; the same command continues",
                        summary.done
                    ),
                    _ => format!(
                        "{} dead letters were sent back before; the same command continues",
                        summary.done
                    ),
                };
                Err(Error::new(ErrorKind::Publish, format!("{text}; {done}")))
            }
        }
    }

    /// Sends a dead letter back. Returns `None` if it is discarded, or in a dry run.
    async fn begin(
        &self,
        ledger: &Ledger,
        partitions: &mut HashMap<String, i32>,
        record: &Record,
        dead_letter: &DeadLetter,
    ) -> Result<Option<InFlight>, Unsent> {
        let Some(sender) = &self.sender else {
            return Ok(None);
        };
        let (message, partition) = match &self.to {
            Some(topic) => (moved(record, topic), None),
            None => {
                let (message, partition) = dead_letter.restore(record).map_err(of_one)?;
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
                    .map_err(|error| of_one(error.to_string()))?;
                partitions.insert(topic.clone(), found.partitions);
                found.partitions
            }
        };
        if self.dry_run {
            return Ok(None);
        }
        // If the topic was created again with fewer partitions, the key decides.
        let partition = partition.filter(|partition| *partition < count);
        let sent = sender.send(&message, partition).await?;
        Ok(Some(InFlight {
            sent,
            partition: record.partition(),
            offset: record.offset(),
            dead_letter: dead_letter.failure.position.clone(),
            topic,
        }))
    }
}

/// An error that concerns one message only.
fn of_one(text: String) -> Unsent {
    Unsent { text, alone: true }
}

/// Waits for the oldest message in flight.
async fn await_oldest(
    in_flight: &mut VecDeque<InFlight>,
    ledger: &mut Ledger,
    summary: &mut Summary,
    broken: &mut Option<String>,
) {
    let Some(first) = in_flight.pop_front() else {
        return;
    };
    match first.sent.arrived().await {
        Ok(()) => {
            ledger.settle(first.partition, first.offset);
            count_done(summary, Some(first.topic));
        }
        Err(unsent) => leave_open(summary, broken, first.dead_letter, unsent),
    }
}

fn count_done(summary: &mut Summary, topic: Option<String>) {
    summary.done += 1;
    if let Some(topic) = topic {
        *summary.topics.entry(topic).or_default() += 1;
    }
}

/// Counts a dead letter that stays open.
fn count_open(summary: &mut Summary) {
    summary.remaining = summary.remaining.map(|count| count + 1);
}

/// Leaves a dead letter open, with the reason. An error that does not concern it alone ends the command.
fn leave_open(summary: &mut Summary, broken: &mut Option<String>, dead_letter: String, unsent: Unsent) {
    count_open(summary);
    if unsent.alone {
        summary.left.push(Left {
            dead_letter,
            why: unsent.text,
        });
    } else {
        broken.get_or_insert(unsent.text);
    }
}

fn source(dead_letter: &DeadLetter) -> String {
    dead_letter
        .failure
        .source
        .as_ref()
        .map_or_else(String::new, |source| source.topic.clone())
}
