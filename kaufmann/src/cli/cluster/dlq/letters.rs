//! The open letters of a topic, as they stand there, up to where it ended when it was looked at.

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

/// Reads letters.
pub(in crate::cli::cluster) struct Letters {
    topic: String,
    /// None if there is nothing to read.
    reader: Option<Reader>,
    /// The partitions that are not at their ends, with these.
    open: BTreeMap<i32, i64>,
    total: u64,
    read: u64,
}

/// What stands at a place.
pub(in crate::cli::cluster) enum Found {
    DeadLetter(Record, Box<DeadLetter>),
    /// A record that is no letter of ours.
    Foreign(Record),
}

impl Letters {
    /// The letters that are open by the ledger.
    pub(in crate::cli::cluster) fn open(config: &Config, ledger: &Ledger) -> Result<Self, Error> {
        Self::between(config, ledger.topic(), ledger.open_bounds())
    }

    /// All between these offsets.
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

    /// How many offsets there are to look at.
    pub(in crate::cli::cluster) fn total(&self) -> u64 {
        self.total
    }

    /// How many have been looked at.
    pub(in crate::cli::cluster) fn read(&self) -> u64 {
        self.read
    }

    /// Whether there is nothing more to read.
    pub(in crate::cli::cluster) fn are_read(&self) -> bool {
        self.open.is_empty()
    }

    /// The next open one; `None` behind the last, or if it is to end.
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

    /// The next one, open or not; `None` behind the last, or if it is to end.
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
                            Some(letter) => Found::DeadLetter(record, Box::new(letter)),
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
                        "nothing more came of topic `{}` for {:?}, though it has more",
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
