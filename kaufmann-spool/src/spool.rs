//! The spool: many threads store, one thread writes, one reads.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::delivered::Delivered;
use crate::entry::{Entry, Kept};
use crate::error::{OpenError, StoreError};
use crate::files::Files;
use crate::files::disk::{Disk, DiskError};
use crate::log::Log;
use crate::options::Options;
use crate::parked::{Lot, Parked};
use crate::scan::Damage;
use crate::ticket::{Slot, Ticket};

mod reader;
mod writer;

pub use reader::Reader;

/// So many damages are named; all are counted.
const MOST_NAMED: usize = 64;

/// A durable queue on disk. It is shared by reference or in an `Arc`; when it is dropped, what waits is written first.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Names an entry that was read, until it is delivered or parked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Id {
    /// One that comes for the first time since the spool was opened, by its number.
    Stored(u64),
    /// One that was parked and released, by its number there.
    Parked(u64),
}

/// What a spool holds, and how it is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Entries that are stored and not delivered.
    pub depth: u64,
    /// The bytes of the segments on the disk, also of what is allocated and not used yet.
    pub bytes: u64,
    /// The bytes of entries in memory that wait for the disk.
    pub waiting_bytes: usize,
    /// When the oldest entry that is read and not delivered was stored, in milliseconds since 1970.
    pub oldest: Option<u64>,
    /// Entries that were stored since the spool was opened.
    pub stored: u64,
    /// Entries that were delivered since then.
    pub delivered: u64,
    /// Stored entries that cannot be read any more, since then.
    pub lost: u64,
    /// Entries that are parked.
    pub parked: u64,
    /// The newest of these that are lost, at most 64.
    pub damages: Vec<Damage>,
    /// What keeps the spool from storing or noting what is delivered, while it lasts.
    pub trouble: Option<String>,
    /// What was found when it was opened and is worth a line in the log.
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    log: Log,
    files: Arc<dyn Files>,
    options: Options,
    state: Mutex<State>,
    lot: Mutex<Lot>,
    /// Whether anything is parked, so that nobody needs the lock to know that nothing is.
    has_parked: AtomicBool,
    /// Wakes the thread that writes.
    work: Condvar,
    /// Wakes callers that wait for room in memory.
    room: Condvar,
    /// Wakes the reader that waits for entries.
    stored: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// The bytes of these, and of those that are being written.
    waiting_bytes: usize,
    delivered: Delivered,
    /// Whether `delivered` is ahead of what is on the disk.
    dirty: bool,
    /// The same of what is parked.
    lot_dirty: bool,
    stored_count: u64,
    delivered_count: u64,
    lost_count: u64,
    damages: VecDeque<Damage>,
    /// When entries were stored, by the first number of each batch that was read and is not delivered.
    times: VecDeque<(u64, u64)>,
    /// Why the last write failed.
    write_trouble: Option<String>,
    /// Why the position could not be saved.
    note_trouble: Option<String>,
    notes: Vec<String>,
    /// How often something was released, so that a waiting reader notices it.
    releases: u64,
    has_reader: bool,
    closing: bool,
    /// Whether the thread that writes has ended.
    ended: bool,
}

#[derive(Debug)]
struct Waiting {
    entry: Vec<u8>,
    slot: Arc<Slot>,
}

impl Spool {
    /// Opens a folder, or makes it. Reads the position and the newest segment only, whatever waits in the others.
    ///
    /// # Errors
    ///
    /// If another process has it, it cannot be written to, its files cannot be read, or a bound of the options leaves no room.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let disk = Disk::open(folder).map_err(|error| match error {
            DiskError::Taken => OpenError::Taken(folder.into()),
            DiskError::Io(what, source) => OpenError::Folder {
                what,
                folder: folder.into(),
                source,
            },
        })?;
        Self::open_on(Arc::new(disk), options)
    }

    /// The same on any [file layer](crate::files).
    ///
    /// # Errors
    ///
    /// As [`Spool::open`].
    pub fn open_on(files: Arc<dyn Files>, options: Options) -> Result<Self, OpenError> {
        check(&options)?;
        let (log, opened) = Log::open(Arc::clone(&files))?;
        let unconfirmed = opened.unconfirmed.into_iter().map(|entry| Waiting {
            entry,
            slot: Arc::default(),
        });
        let waiting: VecDeque<Waiting> = unconfirmed.collect();
        let state = State {
            waiting_bytes: waiting.iter().map(|waiting| waiting.entry.len()).sum(),
            waiting,
            delivered: opened.position.delivered,
            notes: opened.notes,
            ..State::default()
        };
        let appender = log.appender(&options);
        let mut lot = Lot::open(&*files, &options)?;
        let lost = std::mem::take(&mut lot.damages);
        let shared = Arc::new(Shared {
            log,
            files,
            options,
            state: Mutex::new(state),
            has_parked: AtomicBool::new(lot.is_in_use()),
            lot: Mutex::new(lot),
            work: Condvar::new(),
            room: Condvar::new(),
            stored: Condvar::new(),
        });
        for damage in lost {
            shared.note_lost(damage.lost.end - damage.lost.start, damage);
        }
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("kaufmann-spool".into())
            .spawn(move || own.write_all(appender))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Stores an entry: when this returns, it is on the disk. Returns its number.
    ///
    /// # Errors
    ///
    /// If there is no room for it, or the disk fails, until `patience` is over; if it is too large, or the spool is closed.
    pub fn store(&self, entry: &Entry, patience: Duration) -> Result<u64, StoreError> {
        let begun = Instant::now();
        let encoded = self.shared.encode(entry)?;
        let mut state = self.shared.state();
        while state.waiting_bytes > 0 && state.waiting_bytes + encoded.len() > self.shared.options.max_waiting
        {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(state);
                return Err(self.shared.full(patience));
            }
            state = self.shared.wait(&self.shared.room, state, left);
        }
        let ticket = self.shared.enqueue(state, encoded)?;
        ticket.wait(
            patience
                .saturating_sub(begun.elapsed())
                .max(Duration::from_millis(1)),
        )
    }

    /// Hands an entry over without waiting. The ticket's future ends when it is on the disk.
    ///
    /// # Errors
    ///
    /// If there is no room in memory, it is too large, or the spool is closed.
    pub fn offer(&self, entry: &Entry) -> Result<Ticket, StoreError> {
        let encoded = self.shared.encode(entry)?;
        let state = self.shared.state();
        if state.waiting_bytes > 0 && state.waiting_bytes + encoded.len() > self.shared.options.max_waiting {
            drop(state);
            return Err(self.shared.full(Duration::ZERO));
        }
        self.shared.enqueue(state, encoded)
    }

    /// The one who reads. There is one at a time, so that entries come in order; `None` while there is another.
    #[must_use]
    pub fn reader(&self) -> Option<Reader> {
        let mut state = self.shared.state();
        if std::mem::replace(&mut state.has_reader, true) {
            return None;
        }
        let from = state.delivered.watermark();
        drop(state);
        self.shared.lot().begin_again();
        Some(Reader::new(Arc::clone(&self.shared), from))
    }

    /// Notes that an entry is delivered, so that it does not come again. It may come again if the process dies within
    /// [`Options::position_interval`].
    pub fn delivered(&self, id: Id) {
        match id {
            Id::Stored(number) => {
                self.shared.deliver(number, number + 1);
            }
            Id::Parked(number) => self.shared.unpark(|lot| {
                lot.finish(number);
                1
            }),
        }
    }

    /// Puts an entry aside that cannot be delivered, and all that follow it with its topic and key. Entries that were read already
    /// are not held back. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// If the disk fails, or [`Options::max_parked`] is reached. Then nothing has changed, and the call can be made again.
    pub fn park(&self, id: Id, entry: Entry, reason: &str) -> io::Result<()> {
        match id {
            Id::Stored(number) => {
                self.shared.park(number, entry, reason)?;
            }
            Id::Parked(number) => self.shared.lot().hold_again(number, reason),
        }
        Ok(())
    }

    /// What is parked, the oldest first.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.shared.lot().groups()
    }

    /// Lets what is parked under this [id](Parked::id) be read again, before all else. `false` if nothing is. What is not delivered when
    /// the spool is closed is parked again.
    pub fn release(&self, id: u64) -> bool {
        let released = self.shared.lot().release(id);
        self.shared.state().releases += 1;
        self.shared.stored.notify_all();
        released
    }

    /// Drops what is parked under this [id](Parked::id) for good. Returns how many entries that were.
    pub fn drop_parked(&self, id: u64) -> u64 {
        let mut dropped = 0;
        self.shared.unpark(|lot| {
            dropped = lot.drop_group(id);
            0
        });
        dropped
    }

    /// What it holds, and how it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let next = self.shared.log.next();
        let bytes = self.shared.log.size();
        let parked = self.shared.lot().count();
        let state = self.shared.state();
        let watermark = state.delivered.watermark();
        Status {
            parked,
            depth: next.saturating_sub(watermark + state.delivered.ahead()),
            bytes,
            waiting_bytes: state.waiting_bytes,
            oldest: state
                .times
                .front()
                .filter(|_| watermark < next)
                .map(|(_, at)| *at),
            stored: state.stored_count,
            delivered: state.delivered_count,
            lost: state.lost_count,
            damages: state.damages.iter().cloned().collect(),
            notes: state.notes.clone(),
            trouble: state.write_trouble.clone().or_else(|| state.note_trouble.clone()),
        }
    }
}

impl Drop for Spool {
    /// Writes what waits and notes what is delivered, unless the disk fails.
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread, and everybody who waits has an error.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, on: &Condvar, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        on.wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn encode(&self, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let (size, max) = (entry.encoded_len(), self.options.max_entry);
        if size > max {
            return Err(StoreError::TooLarge { size, max });
        }
        let mut encoded = Vec::new();
        entry.encode(&mut encoded);
        Ok(encoded)
    }

    fn enqueue(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        entry: Vec<u8>,
    ) -> Result<Ticket, StoreError> {
        if state.closing || state.ended {
            return Err(StoreError::Closed);
        }
        let slot = Arc::new(Slot::default());
        state.waiting_bytes += entry.len();
        state.waiting.push_back(Waiting {
            entry,
            slot: Arc::clone(&slot),
        });
        drop(state);
        self.work.notify_one();
        Ok(Ticket {
            slot,
            shared: Arc::downgrade(self),
        })
    }

    /// The error of an entry that waited in vain.
    pub(crate) fn full(&self, waited: Duration) -> StoreError {
        let state = self.state();
        if state.ended {
            return StoreError::Closed;
        }
        let reason = state.write_trouble.clone().unwrap_or_else(|| {
            format!(
                "{} bytes wait for the disk already; `max_waiting` is {}",
                state.waiting_bytes, self.options.max_waiting
            )
        });
        StoreError::Full { waited, reason }
    }

    /// Counts entries as delivered. Returns how many were not yet.
    fn deliver(&self, from: u64, to: u64) -> u64 {
        let mut state = self.state();
        let new = state.delivered.insert(from, to);
        if new > 0 {
            state.dirty = true;
            state.delivered_count += new;
            let watermark = state.delivered.watermark();
            while state.times.get(1).is_some_and(|(first, _)| *first <= watermark) {
                state.times.pop_front();
            }
            drop(state);
            self.work.notify_one();
        }
        new
    }

    fn lot(&self) -> MutexGuard<'_, Lot> {
        self.lot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves a stored entry to those that are parked.
    fn park(&self, number: u64, entry: Entry, reason: &str) -> io::Result<()> {
        self.lot().park(entry, reason, writer::now_ms())?;
        self.has_parked.store(true, Ordering::Release);
        let new = self.deliver(number, number + 1);
        self.state().delivered_count -= new;
        Ok(())
    }

    /// Takes something from what is parked. `finish` returns how many of it were delivered.
    fn unpark(&self, finish: impl FnOnce(&mut Lot) -> u64) {
        let mut lot = self.lot();
        let delivered = finish(&mut lot);
        self.has_parked.store(lot.is_in_use(), Ordering::Release);
        drop(lot);
        let mut state = self.state();
        state.delivered_count += delivered;
        state.lot_dirty = true;
        drop(state);
        self.work.notify_one();
    }

    fn lose(&self, damage: Damage) {
        let new = self.deliver(damage.lost.start, damage.lost.end);
        if new > 0 {
            self.state().delivered_count -= new;
            self.note_lost(new, damage);
        }
    }

    fn note_lost(&self, new: u64, damage: Damage) {
        let mut state = self.state();
        state.lost_count += new;
        if state.damages.len() == MOST_NAMED {
            state.damages.pop_front();
        }
        state.damages.push_back(damage);
    }
}

fn check(options: &Options) -> Result<(), OpenError> {
    let refuse = |text: String| Err(OpenError::Options(text));
    if options.segment_bytes < 256 {
        return refuse(format!(
            "`segment_bytes` is {}; it must be 256 at least",
            options.segment_bytes
        ));
    }
    if options.max_bytes < options.segment_bytes {
        return refuse(format!(
            "`max_bytes` is {}, which is less than one segment (`segment_bytes` is {})",
            options.max_bytes, options.segment_bytes
        ));
    }
    if options.max_entry == 0 || options.max_entry > u32::MAX as usize / 2 {
        return refuse(format!(
            "`max_entry` is {}; it must be between 1 and {}",
            options.max_entry,
            u32::MAX / 2
        ));
    }
    Ok(())
}
