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

/// The state of a run.
struct Work {
    summary: Summary,
    /// An error that does not concern a single message, and ends the run.
    broken: Option<String>,
    in_flight: VecDeque<InFlight>,
    /// When the ledger was last stored.
    stored: Instant,
}

impl Act<'_> {
    /// Processes the selected dead letters in the topic's order, until a signal.
    pub(in crate::cli::cluster) async fn run(
        &self,
        ledger: &mut Ledger,
        dead_letters: &mut DeadLetters,
    ) -> Result<Summary, Error> {
        let mut work = Work::new(self, ledger.topic());
        let mut partitions = HashMap::new();
        let progress = Progress::new(self.command, dead_letters.total());
        let mut selected = 0;
        while let Some(found) = dead_letters.next(ledger, || self.signals.received())? {
            progress.at(dead_letters.read());
            work.summary.interrupted = self.signals.received();
            let is_over = work.is_over() || self.max.is_some_and(|max| selected >= max);
            let (record, dead_letter) = match found {
                Found::DeadLetter(record, dead_letter) => (record, dead_letter),
                Found::Foreign(record) => {
                    if self.command == DRAIN && !is_over {
                        let why = "it does not have the headers of a record in a retry topic".to_owned();
                        work.leave_open(record.to_string(), of_one(why));
                    }
                    continue;
                }
            };
            if is_over || !self.selects(&record, &dead_letter) {
                work.count_open();
                if work.is_over() {
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
                    work.count_done(self.sender.is_some().then(|| source(&dead_letter)));
                }
                Ok(Some(sent)) => work.in_flight.push_back(sent),
                Err(unsent) => work.leave_open(dead_letter.failure.position, unsent),
            }
            work.make_room(ledger).await?;
        }
        while !work.in_flight.is_empty() {
            work.await_oldest(ledger).await;
        }
        work.summary.interrupted |= self.signals.received() && !dead_letters.are_read();
        if !self.dry_run {
            ledger.store()?;
        }
        progress.end();
        work.finish()
    }

    fn selects(&self, record: &Record, dead_letter: &DeadLetter) -> bool {
        let key = record.key().map(crate::cli::cluster::shown::printable);
        self.selection
            .has(record.partition(), record.offset(), key.as_deref(), dead_letter)
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

impl Work {
    fn new(act: &Act<'_>, topic: &str) -> Self {
        Self {
            summary: Summary {
                command: act.command,
                topic: topic.to_owned(),
                dry_run: act.dry_run,
                done: 0,
                topics: BTreeMap::new(),
                remaining: Some(0),
                left: Vec::new(),
                interrupted: false,
            },
            broken: None,
            in_flight: VecDeque::new(),
            stored: Instant::now(),
        }
    }

    /// Whether a signal or an error ends the run.
    fn is_over(&self) -> bool {
        self.summary.interrupted || self.broken.is_some()
    }

    /// Waits while too many messages are in flight, and stores the ledger when that is due.
    async fn make_room(&mut self, ledger: &mut Ledger) -> Result<(), Error> {
        let is_due = |stored: Instant| stored.elapsed() >= STORE_EVERY;
        while self.in_flight.len() >= IN_FLIGHT || (is_due(self.stored) && !self.in_flight.is_empty()) {
            self.await_oldest(ledger).await;
        }
        if is_due(self.stored) {
            ledger.store()?;
            self.stored = Instant::now();
        }
        Ok(())
    }

    /// Waits for the oldest message in flight.
    async fn await_oldest(&mut self, ledger: &mut Ledger) {
        let Some(first) = self.in_flight.pop_front() else {
            return;
        };
        match first.sent.arrived().await {
            Ok(()) => {
                ledger.settle(first.partition, first.offset);
                self.count_done(Some(first.topic));
            }
            Err(unsent) => self.leave_open(first.dead_letter, unsent),
        }
    }

    /// Counts a dead letter that was sent back to a topic, or discarded.
    fn count_done(&mut self, topic: Option<String>) {
        self.summary.done += 1;
        if let Some(topic) = topic {
            *self.summary.topics.entry(topic).or_default() += 1;
        }
    }

    /// Counts a dead letter that stays open.
    fn count_open(&mut self) {
        self.summary.remaining = self.summary.remaining.map(|count| count + 1);
    }

    /// Leaves a dead letter open, with the reason. An error that does not concern it alone ends the run.
    fn leave_open(&mut self, dead_letter: String, unsent: Unsent) {
        self.count_open();
        if unsent.alone {
            self.summary.left.push(Left {
                dead_letter,
                why: unsent.text,
            });
        } else {
            self.broken.get_or_insert(unsent.text);
        }
    }

    fn finish(mut self) -> Result<Summary, Error> {
        if self.summary.interrupted {
            self.summary.remaining = None;
        }
        let Some(text) = self.broken else {
            return Ok(self.summary);
        };
        let what = match self.summary.command {
            DRAIN => "records were moved",
            _ => "dead letters were sent back",
        };
        let text = format!(
            "{text}; {} {what} before; the same command continues",
            self.summary.done
        );
        Err(Error::new(ErrorKind::Publish, text))
    }
}

fn source(dead_letter: &DeadLetter) -> String {
    dead_letter
        .failure
        .source
        .as_ref()
        .map_or_else(String::new, |source| source.topic.clone())
}
