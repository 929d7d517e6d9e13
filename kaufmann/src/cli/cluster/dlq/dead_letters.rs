//! Reads the open dead letters of a topic, in order, up to its end when it was opened.

use std::collections::BTreeMap;
use std::time::Instant;

use super::ledger::Ledger;
use crate::base::error::{Error, ErrorKind};
use crate::cli::cluster::position::POLL;
use crate::config::Config;
use crate::kafka::cluster::{Bounds, PATIENCE};
use crate::kafka::reader::{Read, Reader};
use crate::publish::dead_letter::opened::DeadLetter;
use crate::record::Record;

/// Reads dead letters.
pub(in crate::cli::cluster) struct DeadLetters {
    topic: String,
    /// `None` if there is nothing to read.
    reader: Option<Reader>,
    /// The partitions that are not read to their ends, with these ends.
    open: BTreeMap<i32, i64>,
    total: u64,
    read: u64,
}

/// A record of the topic.
pub(in crate::cli::cluster) enum Found {
    DeadLetter(Record, Box<DeadLetter>),
    /// A record that is not a dead letter written by kaufmann.
    Foreign(Record),
}

impl DeadLetters {
    /// Reads the dead letters that are open according to the ledger.
    pub(in crate::cli::cluster) fn open(config: &Config, ledger: &Ledger) -> Result<Self, Error> {
        Self::between(config, ledger.topic(), ledger.open_bounds())
    }

    /// Reads all records in these ranges.
    pub(in crate::cli::cluster) fn between(
        config: &Config,
        topic: &str,
        bounds: BTreeMap<i32, Bounds>,
    ) -> Result<Self, Error> {
        let from: BTreeMap<i32, i64> = bounds
            .iter()
            .map(|(number, bounds)| (*number, bounds.start))
            .collect();
        let total = bounds
            .values()
            .map(|bounds| u64::try_from(bounds.end - bounds.start).unwrap_or(0))
            .sum();
        let reader = match from.is_empty() {
            true => None,
            false => Some(Reader::new(config, topic, &from)?),
        };
        Ok(Self {
            topic: topic.to_owned(),
            reader,
            open: bounds
                .into_iter()
                .map(|(number, bounds)| (number, bounds.end))
                .collect(),
            total,
            read: 0,
        })
    }

    /// The number of offsets to read.
    pub(in crate::cli::cluster) fn total(&self) -> u64 {
        self.total
    }

    /// The number of records read so far.
    pub(in crate::cli::cluster) fn read(&self) -> u64 {
        self.read
    }

    /// Whether everything has been read.
    pub(in crate::cli::cluster) fn are_read(&self) -> bool {
        self.open.is_empty()
    }

    /// The next open dead letter, or foreign record; `None` after the last, or if `ends` returns true.
    pub(in crate::cli::cluster) fn next(
        &mut self,
        ledger: &mut Ledger,
        ends: impl Fn() -> bool,
    ) -> Result<Option<Found>, Error> {
        while let Some(found) = self.next_of_all(&ends)? {
            let (Found::DeadLetter(record, _) | Found::Foreign(record)) = &found;
            if ledger.take(record.partition(), record.offset()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The next record, open or not; `None` after the last, or if `ends` returns true.
    pub(in crate::cli::cluster) fn next_of_all(
        &mut self,
        ends: impl Fn() -> bool,
    ) -> Result<Option<Found>, Error> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let mut waiting = Instant::now();
        while !self.open.is_empty() && !ends() {
            match reader.next(POLL)? {
                Read::Record(record) => {
                    waiting = Instant::now();
                    let partition = record.partition();
                    let Some(end) = self.open.get(&partition).copied() else {
                        continue;
                    };
                    if record.offset() + 1 >= end {
                        self.open.remove(&partition);
                    }
                    if record.offset() < end {
                        self.read += 1;
                        return Ok(Some(match DeadLetter::open(&record) {
                            Some(dead_letter) => Found::DeadLetter(record, Box::new(dead_letter)),
                            None => Found::Foreign(record),
                        }));
                    }
                }
                Read::End(partition) => {
                    waiting = Instant::now();
                    self.open.remove(&partition);
                }
                Read::Nothing if waiting.elapsed() > PATIENCE * 3 => {
                    let text = format!(
                        "topic `{}` has more records, but none arrived for {:?}",
                        self.topic,
                        PATIENCE * 3
                    );
                    return Err(Error::new(ErrorKind::Source, text));
                }
                Read::Nothing => {}
            }
        }
        Ok(None)
    }
}
