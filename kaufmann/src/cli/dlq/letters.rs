//! The open letters of a topic, as they stand there, up to where it ended when it was looked at.

use std::collections::BTreeMap;
use std::time::Instant;

use super::ledger::Ledger;
use crate::cli::position::POLL;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::kafka::cluster::PATIENCE;
use crate::kafka::reader::{Read, Reader};
use crate::publish::letter::opened::Letter;
use crate::record::Record;

/// Reads letters.
pub(super) struct Letters {
    /// None if there is nothing to read.
    reader: Option<Reader>,
    /// The partitions that are not at their ends, with these.
    open: BTreeMap<i32, i64>,
    total: u64,
    read: u64,
}

/// Something open.
pub(super) enum Found {
    Letter(Record, Box<Letter>),
    /// A record that is no letter of ours.
    Foreign,
}

impl Letters {
    /// The letters that are open by the ledger.
    pub(super) fn open(config: &Config, ledger: &Ledger) -> Result<Self, Error> {
        let from = ledger.from();
        let end = |number: &i32| {
            ledger
                .partitions
                .get(number)
                .map_or(0, |partition| partition.bounds.end)
        };
        let open: BTreeMap<i32, i64> = from.keys().map(|number| (*number, end(number))).collect();
        let total = from
            .iter()
            .map(|(number, from)| u64::try_from(end(number) - from).unwrap_or(0))
            .sum();
        let reader = match from.is_empty() {
            true => None,
            false => Some(Reader::new(config, ledger.topic(), &from)?),
        };
        Ok(Self {
            reader,
            open,
            total,
            read: 0,
        })
    }

    /// How many offsets there are to look at.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// How many have been looked at.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The next one; `None` behind the last.
    pub(super) fn next(&mut self, ledger: &mut Ledger) -> Result<Option<Found>, Error> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let mut waiting = Instant::now();
        while !self.open.is_empty() {
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
                    }
                    if ledger.take(partition, record.offset()) {
                        return Ok(Some(match Letter::open(&record) {
                            Some(letter) => Found::Letter(record, Box::new(letter)),
                            None => Found::Foreign,
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
                        ledger.topic(),
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
