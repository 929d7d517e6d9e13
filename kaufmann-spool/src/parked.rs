//! Entries that cannot be delivered, and later ones with the same key: in a separate log, so that all others can be delivered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use crate::entry::{self, Decode, Encode, Entry, EntryError};
use crate::error::OpenError;
use crate::files::Files;
use crate::log::{Appender, Cursor, Log, Read};
use crate::options::Options;
use crate::position::Position;
use crate::scan::Damage;

/// The folder of their log.
const FOLDER: &str = "parked";
/// The version of a parked entry's encoding.
const VERSION: u8 = 1;

/// A group of parked entries: those of one topic and key, or a single one without a key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Parked {
    /// The group's id: the number of its first entry in the log of parked entries.
    pub id: u64,
    /// The topic they were to go to.
    pub topic: String,
    /// Their key.
    pub key: Option<Vec<u8>>,
    /// How many entries there are.
    pub count: u64,
    /// The bytes of all of them.
    pub bytes: u64,
    /// Why the first one was not delivered.
    pub reason: String,
    /// When the first one was parked, in milliseconds since 1970.
    pub since: u64,
    /// Whether they are being delivered again.
    pub released: bool,
}

/// An entry with the reason why it is parked. The reason is empty if the entry is parked because an earlier one of its key is.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ParkedEntry {
    reason: String,
    entry: Entry,
}

impl Encode for ParkedEntry {
    fn encoded_len(&self) -> usize {
        1 + 4 + self.reason.len() + self.entry.encoded_len()
    }

    fn encode(&self, to: &mut Vec<u8>) {
        to.push(VERSION);
        entry::put(to, Some(self.reason.as_bytes()));
        self.entry.encode(to);
    }
}

impl Decode for ParkedEntry {
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

/// The parked entries, and the log that stores them.
#[derive(Debug)]
pub(crate) struct ParkedLog {
    log: Log,
    appender: Appender,
    position: Position,
    max_bytes: u64,
    bytes: u64,
    groups: HashMap<GroupKey, Parked>,
    /// By the number of an entry: its group and its bytes.
    numbers: BTreeMap<u64, (GroupKey, u64)>,
    /// The released entries that were read and not finished.
    in_delivery: BTreeSet<u64>,
    /// Reads the released entries; `None` if no group is released.
    cursor: Option<Cursor<ParkedEntry>>,
    pub(crate) damages: Vec<Damage>,
}

/// Identifies a group. An entry without a key is a group of its own, under its number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum GroupKey {
    Key(String, Vec<u8>),
    Alone(u64),
}

impl ParkedLog {
    /// Opens the log of parked entries and reads all of it: it is bounded, and usually small.
    pub(crate) fn open(files: &dyn Files, options: &Options) -> Result<Self, OpenError> {
        let folder = files.folder(FOLDER).map_err(OpenError::reading(FOLDER))?;
        let (log, opened) = Log::open(Arc::clone(&folder))?;
        let mut appender = log.appender(options);
        if !opened.unconfirmed.is_empty() {
            appender
                .append(opened.unconfirmed.iter().map(|entry| &**entry), 0)
                .map_err(OpenError::reading(FOLDER))?;
        }
        let mut parked = Self {
            appender,
            max_bytes: options.max_parked,
            bytes: 0,
            groups: HashMap::new(),
            numbers: BTreeMap::new(),
            in_delivery: BTreeSet::new(),
            cursor: None,
            damages: Vec::new(),
            position: opened.position,
            log,
        };
        let mut cursor: Cursor<ParkedEntry> = parked.log.cursor(parked.position.watermark());
        while let Some(read) = cursor.read().map_err(OpenError::reading(FOLDER))? {
            match read {
                Read::Entry { number, .. } if parked.position.contains(number) => {}
                Read::Entry { number, at, entry } => parked.add(number, at, &entry),
                Read::Lost(damage) => parked.lose(damage),
            }
        }
        Ok(parked)
    }

    /// Whether any entries are parked.
    pub(crate) fn is_in_use(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether an entry must be parked because an earlier one of its topic and key is.
    pub(crate) fn holds(&self, entry: &Entry) -> bool {
        let Some(key) = &entry.key else { return false };
        self.groups
            .contains_key(&GroupKey::Key(entry.topic.clone(), key.clone()))
    }

    /// Parks an entry. When this returns it is on the disk.
    pub(crate) fn park(&mut self, entry: Entry, reason: &str, at: u64) -> io::Result<()> {
        let held = ParkedEntry {
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
        self.add(numbers.start, at, &held);
        Ok(())
    }

    /// Parks a released entry's group again, because the entry could not be delivered this time either.
    pub(crate) fn park_again(&mut self, number: u64, reason: &str) {
        self.in_delivery.remove(&number);
        let Some((group_key, _)) = self.numbers.get(&number) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(group_key) {
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
            // Entries that were read and parked again are read once more.
            self.cursor = Some(self.log.cursor(self.position.watermark()));
        }
        true
    }

    /// Begins again for a new reader: entries that the last one read and did not finish are read again.
    pub(crate) fn rewind(&mut self) {
        self.in_delivery.clear();
        if self.cursor.is_some() {
            self.cursor = Some(self.log.cursor(self.position.watermark()));
        }
    }

    /// Returns the next entry of a released group.
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
                    let group_key = self.numbers.get(&number).map(|(group_key, _)| group_key);
                    let group = group_key.and_then(|group_key| self.groups.get(group_key));
                    if group.is_some_and(|group| group.released) && self.in_delivery.insert(number) {
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

    /// Removes an entry, because it is delivered, dropped or lost.
    pub(crate) fn finish(&mut self, number: u64) {
        self.position.insert(number);
        self.in_delivery.remove(&number);
        let Some((group_key, size)) = self.numbers.remove(&number) else {
            return;
        };
        self.bytes -= size;
        let Some(group) = self.groups.get_mut(&group_key) else {
            return;
        };
        group.count -= 1;
        group.bytes -= size;
        if group.count == 0 {
            self.groups.remove(&group_key);
        }
        if self.groups.values().all(|group| !group.released) {
            self.cursor = None;
        }
    }

    /// Discards a group. Returns the number of its entries.
    pub(crate) fn drop_group(&mut self, id: u64) -> u64 {
        let Some(group_key) = self
            .groups
            .iter()
            .find(|(_, group)| group.id == id)
            .map(|(group_key, _)| group_key.clone())
        else {
            return 0;
        };
        let of_group = self.numbers.iter().filter(|(_, (other, _))| *other == group_key);
        let numbers: Vec<u64> = of_group.map(|(number, _)| *number).collect();
        for number in &numbers {
            self.finish(*number);
        }
        numbers.len() as u64
    }

    /// Saves on the disk which entries are finished.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        self.position.set_stored_to(self.log.next());
        self.log.save(&self.position)?;
        self.log.trim(self.position.watermark()).map(|_| ())
    }

    fn add(&mut self, number: u64, at: u64, held: &ParkedEntry) {
        let group_key = match &held.entry.key {
            Some(key) => GroupKey::Key(held.entry.topic.clone(), key.clone()),
            None => GroupKey::Alone(number),
        };
        let size = held.encoded_len() as u64;
        self.bytes += size;
        self.numbers.insert(number, (group_key.clone(), size));
        let group = self.groups.entry(group_key).or_insert_with(|| Parked {
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
