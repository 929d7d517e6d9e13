//! Entries that cannot be delivered, and those of their keys that come after them: out of the way of all others, in a log of their
//! own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use crate::entry::{self, Encode, Entry, EntryError, Kept};
use crate::error::OpenError;
use crate::files::Files;
use crate::log::{Appender, Cursor, Log, Read};
use crate::options::Options;
use crate::position::Position;
use crate::scan::Damage;

/// The folder that holds them.
const FOLDER: &str = "parked";
/// The form of a parked entry's bytes.
const VERSION: u8 = 1;

/// The entries that are parked together: those of a topic and key, or one that has no key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Parked {
    /// Names them: the number of the first in the log of parked entries.
    pub id: u64,
    /// Where they were to go.
    pub topic: String,
    /// Their key.
    pub key: Option<Vec<u8>>,
    /// How many there are.
    pub count: u64,
    /// The bytes that they have together.
    pub bytes: u64,
    /// Why the first one was not delivered.
    pub reason: String,
    /// When the first one was parked, in milliseconds since 1970.
    pub since: u64,
    /// Whether they are being delivered again.
    pub released: bool,
}

/// An entry with the reason why it is parked. It is empty if the entry waits behind another one of its key.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Held {
    reason: String,
    entry: Entry,
}

impl Encode for Held {
    fn encoded_len(&self) -> usize {
        1 + 4 + self.reason.len() + self.entry.encoded_len()
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.push(VERSION);
        entry::put(to, Some(self.reason.as_bytes()));
        self.entry.encode(to);
    }
}

impl Kept for Held {
    fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut rest = bytes;
        let version = entry::take::<1>(&mut rest)?[0];
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        Ok(Self {
            reason: entry::name(&mut rest)?,
            entry: Entry::decode(rest)?,
        })
    }
}

/// What is parked, and the log that keeps it.
#[derive(Debug)]
pub(crate) struct Lot {
    log: Log,
    appender: Appender,
    position: Position,
    max_bytes: u64,
    bytes: u64,
    groups: HashMap<Lane, Parked>,
    /// Which group an entry belongs to, and how many bytes it has.
    numbers: BTreeMap<u64, (Lane, u64)>,
    /// What is being delivered again.
    under_way: BTreeSet<u64>,
    /// Reads what is released, from the first number of what was released last.
    cursor: Option<Cursor<Held>>,
    pub(crate) damages: Vec<Damage>,
}

/// What is parked together. Entries without a key are parked alone, under their number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Lane {
    Key(String, Vec<u8>),
    Alone(u64),
}

impl Lot {
    /// Opens the log of parked entries and reads all of it: it is bounded, and small where all is well.
    pub(crate) fn open(files: &dyn Files, options: &Options) -> Result<Self, OpenError> {
        let folder = files.folder(FOLDER).map_err(OpenError::reading(FOLDER))?;
        let (log, opened) = Log::open(Arc::clone(&folder))?;
        let mut appender = log.appender(options);
        if !opened.unconfirmed.is_empty() {
            appender
                .append(opened.unconfirmed.iter().map(|entry| &**entry), 0)
                .map_err(OpenError::reading(FOLDER))?;
        }
        let mut lot = Self {
            appender,
            max_bytes: options.max_parked,
            bytes: 0,
            groups: HashMap::new(),
            numbers: BTreeMap::new(),
            under_way: BTreeSet::new(),
            cursor: None,
            damages: Vec::new(),
            position: opened.position,
            log,
        };
        let mut cursor: Cursor<Held> = lot.log.cursor(lot.position.watermark());
        while let Some(read) = cursor.read().map_err(OpenError::reading(FOLDER))? {
            match read {
                Read::Entry { number, .. } if lot.position.contains(number) => {}
                Read::Entry { number, at, entry } => lot.count_in(number, at, &entry),
                Read::Lost(damage) => lot.lose(damage),
            }
        }
        Ok(lot)
    }

    /// Whether entries may be waiting here, or be delivered again.
    pub(crate) fn is_in_use(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether entries of this topic and key must wait.
    pub(crate) fn holds(&self, entry: &Entry) -> bool {
        let Some(key) = &entry.key else { return false };
        self.groups
            .contains_key(&Lane::Key(entry.topic.clone(), key.clone()))
    }

    /// Parks an entry. When this returns it is on the disk.
    pub(crate) fn park(&mut self, entry: Entry, reason: &str, at: u64) -> io::Result<()> {
        let held = Held {
            reason: reason.to_owned(),
            entry,
        };
        let size = held.encoded_len() as u64;
        if self.bytes + size > self.max_bytes {
            let text = format!(
                "{} bytes are parked; `max_parked` is {}; deliver or drop some of it",
                self.bytes, self.max_bytes
            );
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        let numbers = self.appender.append(std::iter::once(&held), at)?;
        self.count_in(numbers.start, at, &held);
        Ok(())
    }

    /// An entry that was released could not be delivered again: its group waits on.
    pub(crate) fn hold_again(&mut self, number: u64, reason: &str) {
        self.under_way.remove(&number);
        let Some((lane, _)) = self.numbers.get(&number) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(lane) {
            group.released = false;
            reason.clone_into(&mut group.reason);
        }
    }

    /// The groups, oldest first.
    pub(crate) fn groups(&self) -> Vec<Parked> {
        let mut groups: Vec<Parked> = self.groups.values().cloned().collect();
        groups.sort_unstable_by_key(|group| group.id);
        groups
    }

    pub(crate) fn count(&self) -> u64 {
        self.numbers.len() as u64
    }

    pub(crate) fn keys(&self) -> u64 {
        self.groups.len() as u64
    }

    /// Lets a group be delivered again. `false` if no group has this id.
    pub(crate) fn release(&mut self, id: u64) -> bool {
        let Some(group) = self.groups.values_mut().find(|group| group.id == id) else {
            return false;
        };
        if !std::mem::replace(&mut group.released, true) {
            // What was read already and held again comes once more.
            self.cursor = Some(self.log.cursor(self.position.watermark()));
        }
        true
    }

    /// The last reader is gone: what it took and did not deliver comes again.
    pub(crate) fn begin_again(&mut self) {
        self.under_way.clear();
        if self.cursor.is_some() {
            self.cursor = Some(self.log.cursor(self.position.watermark()));
        }
    }

    /// The next entry of a group that is released.
    pub(crate) fn next_released(&mut self) -> io::Result<Option<(u64, Entry)>> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(None);
        };
        let mut lost = Vec::new();
        let found = loop {
            match cursor.read()? {
                None => break None,
                Some(Read::Lost(damage)) => lost.push(damage),
                Some(Read::Entry {
                    number, entry: held, ..
                }) => {
                    let lane = self.numbers.get(&number).map(|(lane, _)| lane);
                    let group = lane.and_then(|lane| self.groups.get(lane));
                    if group.is_some_and(|group| group.released) && self.under_way.insert(number) {
                        break Some((number, held.entry));
                    }
                }
            }
        };
        for damage in lost {
            self.lose(damage);
        }
        Ok(found)
    }

    /// An entry is delivered, or not wanted any more.
    pub(crate) fn finish(&mut self, number: u64) {
        self.position.insert(number);
        self.under_way.remove(&number);
        let Some((lane, size)) = self.numbers.remove(&number) else {
            return;
        };
        self.bytes -= size;
        let Some(group) = self.groups.get_mut(&lane) else {
            return;
        };
        group.count -= 1;
        group.bytes -= size;
        if group.count == 0 {
            self.groups.remove(&lane);
        }
        if self.groups.values().all(|group| !group.released) {
            self.cursor = None;
        }
    }

    /// Drops a group for good. Returns how many entries it had.
    pub(crate) fn drop_group(&mut self, id: u64) -> u64 {
        let Some(lane) = self
            .groups
            .iter()
            .find(|(_, group)| group.id == id)
            .map(|(lane, _)| lane.clone())
        else {
            return 0;
        };
        let of_lane = self.numbers.iter().filter(|(_, (other, _))| *other == lane);
        let numbers: Vec<u64> = of_lane.map(|(number, _)| *number).collect();
        for number in &numbers {
            self.finish(*number);
        }
        numbers.len() as u64
    }

    /// Notes on the disk what is finished.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        self.position.set_stored_to(self.log.next());
        self.log.save(&self.position)?;
        self.log.trim(self.position.watermark()).map(|_| ())
    }

    fn count_in(&mut self, number: u64, at: u64, held: &Held) {
        let lane = match &held.entry.key {
            Some(key) => Lane::Key(held.entry.topic.clone(), key.clone()),
            None => Lane::Alone(number),
        };
        let size = held.encoded_len() as u64;
        self.bytes += size;
        self.numbers.insert(number, (lane.clone(), size));
        let group = self.groups.entry(lane).or_insert_with(|| Parked {
            id: number,
            topic: held.entry.topic.clone(),
            key: held.entry.key.clone(),
            count: 0,
            bytes: 0,
            reason: held.reason.clone(),
            since: at,
            released: false,
        });
        group.count += 1;
        group.bytes += size;
    }

    fn lose(&mut self, damage: Damage) {
        for number in damage.lost.clone() {
            self.finish(number);
        }
        self.damages.push(damage);
    }
}
