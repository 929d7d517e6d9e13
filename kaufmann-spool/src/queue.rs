//! The entries in memory, in the order in which they were appended, and when they go to the disk. No clock, no I/O.
//!
//! The order of all entries is: first what is on the disk, then this queue. Only its front goes to the disk, so the order stays
//! the same wherever an entry is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::options::{Mode, Options};
use crate::ticket::Slot;

/// The memory that an entry takes besides its bytes, so that the limit also holds for small entries.
const OVERHEAD: usize = 128;

/// The queue in memory. It numbers its entries from 0, separately from the disk.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    /// The number of the first item.
    first: u64,
    /// The number of the first entry that no reader has.
    unread: u64,
    /// Whether the front is being written. Nothing is removed meanwhile.
    writing: bool,
    bytes: usize,
    /// How many entries are neither delivered nor stored.
    live: u64,
    /// Entries that a reader has, and that went to the disk before they were delivered: their numbers there.
    moved: BTreeMap<u64, u64>,
    /// These numbers, so that they are not read again from the disk.
    moved_numbers: BTreeSet<u64>,
    /// Whether entries go to the disk at once.
    to_disk: bool,
    /// Entries below this number go to the disk at once.
    flush_below: u64,
}

#[derive(Debug)]
struct Item {
    /// `None` once it is delivered, stored, or withdrawn.
    slot: Option<Arc<Slot>>,
    bytes: usize,
    since: Instant,
    /// Whether a reader has it.
    taken: bool,
}

/// A part of the queue's front, to be written.
pub(crate) type Batch = Vec<(u64, Arc<Slot>)>;

/// The result of writing a batch.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The entries that were not delivered before: they are stored now.
    pub(crate) slots: Vec<Arc<Slot>>,
    /// The numbers on the disk of those that were delivered while they were written.
    pub(crate) delivered: Vec<u64>,
}

/// Where an entry was when it was reported as delivered.
#[derive(Debug)]
pub(crate) enum Finished {
    /// In memory.
    InMemory(Arc<Slot>),
    /// On the disk, under this number.
    OnDisk(u64),
    /// Delivered before, or read by an earlier reader.
    Unknown,
}

impl Queue {
    /// The bytes of its entries.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many entries are neither delivered nor stored.
    pub(crate) fn len(&self) -> u64 {
        self.live
    }

    /// The number that the next entry gets.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// The number of the oldest entry.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// When the oldest entry was appended.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.items.front().map(|item| item.since)
    }

    /// Whether entries go to the disk at once.
    pub(crate) fn is_to_disk(&self) -> bool {
        self.to_disk
    }

    /// Whether an entry of this many bytes fits. One always fits into an empty queue.
    pub(crate) fn has_space(&self, bytes: usize, max: usize) -> bool {
        self.items.is_empty() || self.bytes + bytes + OVERHEAD <= max
    }

    pub(crate) fn push(&mut self, slot: Arc<Slot>, bytes: usize, since: Instant) {
        self.bytes += bytes + OVERHEAD;
        self.live += 1;
        self.items.push_back(Item {
            slot: Some(slot),
            bytes,
            since,
            taken: false,
        });
    }

    /// When the front goes to the disk, if nothing changes; `None` if the queue is empty. Once an entry must go to the disk, all go
    /// there until [`Queue::back_to_memory`].
    pub(crate) fn due(&mut self, options: &Options, no_consumer: bool, now: Instant) -> Option<Instant> {
        let oldest = self.items.front()?.since;
        if options.mode == Mode::Always || self.first < self.flush_below {
            return Some(now);
        }
        let spills = oldest + options.spill_after;
        self.to_disk |= no_consumer || spills <= now || self.bytes > options.max_memory / 2;
        Some(if self.to_disk { now } else { spills })
    }

    /// Lets entries stay in memory again, because the reader has read everything on the disk.
    pub(crate) fn back_to_memory(&mut self) {
        self.to_disk = false;
    }

    /// Sends all current entries to the disk.
    pub(crate) fn flush(&mut self) {
        self.flush_below = self.end();
    }

    /// The next entry for the reader.
    pub(crate) fn take(&mut self) -> Option<(u64, Arc<Slot>)> {
        loop {
            let number = self.unread;
            let item = self.item(number)?;
            if let Some(slot) = &item.slot {
                if slot.is_unconfirmed() {
                    return None;
                }
                if slot.hand_out() {
                    let slot = Arc::clone(slot);
                    item.taken = true;
                    self.unread += 1;
                    return Some((number, slot));
                }
                self.settle(number);
                self.unread = self.unread.max(number + 1);
                self.remove_settled();
            } else {
                self.unread += 1;
            }
        }
    }

    /// Whether [`Queue::take`] has something to return or to skip.
    pub(crate) fn has_unread(&self) -> bool {
        let at = usize::try_from(self.unread - self.first).unwrap_or(usize::MAX);
        let slot = self.items.get(at).map(|item| &item.slot);
        slot.is_some_and(|slot| slot.as_ref().is_none_or(|slot| !slot.is_unconfirmed()))
    }

    /// Begins again for a new reader, with the entries that the last one did not report as delivered.
    pub(crate) fn rewind(&mut self) {
        self.unread = self.first;
        for item in &mut self.items {
            item.taken = false;
        }
        self.moved.clear();
        self.moved_numbers.clear();
    }

    /// Whether a reader has this entry of the disk already, from memory.
    pub(crate) fn was_taken(&self, number_on_disk: u64) -> bool {
        self.moved_numbers.contains(&number_on_disk)
    }

    /// Removes an entry that a reader has, because it is delivered or parked.
    pub(crate) fn finish(&mut self, number: u64) -> Finished {
        if let Some(number) = self.moved.remove(&number) {
            self.moved_numbers.remove(&number);
            return Finished::OnDisk(number);
        }
        let Some(slot) = self.settle(number) else {
            return Finished::Unknown;
        };
        self.remove_settled();
        Finished::InMemory(slot)
    }

    /// Takes a batch from the front, of at most `max_bytes` unless its first entry is larger. The entries stay in the queue until
    /// [`Queue::stored`] or [`Queue::failed`].
    pub(crate) fn begin_write(&mut self, max_bytes: usize) -> Batch {
        let mut batch = Batch::new();
        let (mut bytes, mut withdrawn) = (0, Vec::new());
        for (number, item) in (self.first..).zip(&self.items) {
            let Some(slot) = &item.slot else { continue };
            // The unconfirmed entries of an earlier process were one batch, and must be one again: a part of it would hide the rest.
            if bytes > 0 && bytes + item.bytes > max_bytes && !slot.is_unconfirmed() {
                break;
            }
            if slot.begin_write() {
                bytes += item.bytes;
                batch.push((number, Arc::clone(slot)));
            } else {
                withdrawn.push(number);
            }
        }
        for number in withdrawn {
            self.settle(number);
        }
        self.writing = !batch.is_empty();
        self.remove_settled();
        batch
    }

    /// Records that a batch is on the disk, with numbers from `on_disk` on.
    pub(crate) fn stored(&mut self, batch: &Batch, on_disk: u64) -> Stored {
        let mut stored = Stored::default();
        for ((number, _), on_disk) in batch.iter().zip(on_disk..) {
            let taken = self.item(*number).is_some_and(|item| item.taken);
            match self.settle(*number) {
                None => stored.delivered.push(on_disk),
                Some(slot) => {
                    stored.slots.push(slot);
                    if taken {
                        self.moved.insert(*number, on_disk);
                        self.moved_numbers.insert(on_disk);
                    }
                }
            }
        }
        self.writing = false;
        self.remove_settled();
        stored
    }

    /// Records that writing a batch failed; its entries wait again.
    pub(crate) fn failed(&mut self, batch: Batch) {
        for (_, slot) in batch {
            slot.write_failed();
        }
        self.writing = false;
        self.remove_settled();
    }

    /// Empties it, and returns what was neither delivered nor stored.
    pub(crate) fn clear(&mut self) -> Vec<Arc<Slot>> {
        self.first = self.end();
        self.unread = self.first;
        let slots = self.items.drain(..).filter_map(|item| item.slot).collect();
        (self.bytes, self.live, self.writing) = (0, 0, false);
        slots
    }

    /// How long the oldest entry has been here.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.oldest().map(|since| now.saturating_duration_since(since))
    }

    fn item(&mut self, number: u64) -> Option<&mut Item> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.items.get_mut(at)
    }

    /// Takes an entry out of its item; the item stays until all earlier ones are settled.
    fn settle(&mut self, number: u64) -> Option<Arc<Slot>> {
        let item = self.item(number)?;
        let slot = item.slot.take()?;
        let bytes = item.bytes;
        self.bytes -= bytes;
        self.live -= 1;
        Some(slot)
    }

    fn remove_settled(&mut self) {
        while !self.writing && self.items.front().is_some_and(|item| item.slot.is_none()) {
            self.items.pop_front();
            self.first += 1;
            self.bytes -= OVERHEAD;
        }
        self.unread = self.unread.max(self.first);
    }
}
