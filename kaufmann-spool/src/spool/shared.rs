//! What the callers, the writer and the reader share.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Id;
use super::writer::now_ms;
use crate::check::{self, Finding};
use crate::delivered::Delivered;
use crate::entry::{Encode, Entry};
use crate::error::AppendError;
use crate::files::Files;
use crate::log::{Log, Opened};
use crate::options::{Mode, Options};
use crate::parked::ParkedLog;
use crate::queue::{Finished, Queue};
use crate::scan::Damage;
use crate::snapshot::Snapshot;
use crate::ticket::{Promise, Slot, Ticket};

/// The most damages that are listed; all are counted.
const MOST_NAMED: usize = 64;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) log: Log,
    pub(super) files: Arc<dyn Files>,
    pub(super) options: Options,
    state: Mutex<State>,
    parked: Mutex<ParkedLog>,
    /// Whether anything is parked, so that the lock is taken only then.
    has_parked: AtomicBool,
    /// Wakes the thread that writes.
    pub(super) work: Condvar,
    /// Wakes callers that wait for space in memory, or for a flush.
    space: Condvar,
    /// Wakes the reader that waits for entries.
    entries: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    /// Entries on the disk below this number may be read.
    pub(super) readable: u64,
    pub(super) delivered: Delivered,
    /// Whether `delivered` is ahead of what is on the disk.
    pub(super) dirty: bool,
    /// Whether the parked entries have changed since they were saved.
    pub(super) parked_dirty: bool,
    /// The counters of the snapshot.
    pub(super) counts: Snapshot,
    damages: VecDeque<Damage>,
    /// When entries were stored, by the first number of each batch that was read and is not delivered.
    times: VecDeque<(u64, u64)>,
    /// When the oldest entry was stored, as found when the spool was opened; until it is read.
    oldest_at_open: Option<u64>,
    /// Why the last write failed.
    pub(super) write_trouble: Option<String>,
    /// Why the position could not be saved.
    pub(super) save_trouble: Option<String>,
    notes: Vec<String>,
    /// How often something was released, so that a waiting reader notices it.
    pub(super) releases: u64,
    pub(super) has_reader: bool,
    pub(super) reader_waits: bool,
    /// Whether entries cannot be delivered at present.
    away: bool,
    /// How many callers wait on `space`.
    space_waiters: usize,
    /// When the writer's sleep ends; `None` while it works.
    pub(super) writer_wakes: Option<Instant>,
    pub(super) closing: bool,
    /// Whether the thread that writes has ended.
    pub(super) ended: bool,
}

impl State {
    /// Whether no consumer delivers the entries in memory.
    pub(super) fn has_no_consumer(&self) -> bool {
        self.closing || self.away || !self.has_reader
    }

    /// How many entries on the disk are not delivered.
    fn depth_on_disk(&self) -> u64 {
        self.readable
            .saturating_sub(self.delivered.watermark() + self.delivered.ahead())
    }

    /// How long the oldest entry on the disk has been waiting.
    pub(super) fn age_on_disk(&self) -> Option<Duration> {
        let at = self.times.front().map(|(_, at)| *at).or(self.oldest_at_open)?;
        (self.depth_on_disk() > 0).then(|| Duration::from_millis(now_ms().saturating_sub(at)))
    }

    /// Lets entries of the disk below this number be read, which were stored at `at`.
    pub(super) fn grow_to(&mut self, number: u64, at: u64) {
        if self.depth_on_disk() == 0 {
            self.times.clear();
            self.oldest_at_open = Some(at);
        }
        self.readable = number;
    }

    /// Notes when the entry that is being read was stored.
    pub(super) fn note_time(&mut self, number: u64, at: u64) {
        self.oldest_at_open = None;
        if at > 0 && self.times.back().is_none_or(|(_, last)| *last != at) {
            self.times.push_back((number, at));
        }
    }

    /// Marks entries on the disk as delivered. Returns how many of them were not yet.
    pub(super) fn settle(&mut self, from: u64, to: u64) -> u64 {
        let new = self.delivered.insert(from, to);
        if new > 0 {
            self.dirty = true;
            let watermark = self.delivered.watermark();
            while self.times.get(1).is_some_and(|(first, _)| *first <= watermark) {
                self.times.pop_front();
            }
        }
        new
    }
}

impl Shared {
    pub(super) fn new(
        log: Log,
        files: Arc<dyn Files>,
        options: Options,
        opened: Opened,
        mut parked: ParkedLog,
    ) -> Self {
        let mut queue = Queue::default();
        let now = Instant::now();
        for bytes in opened.unconfirmed {
            let len = bytes.len();
            queue.push(Slot::new(Entry::default(), Some(bytes)), len, now);
        }
        queue.flush();
        let delivered = opened.position.delivered;
        let state = State {
            queue,
            readable: log.next(),
            oldest_at_open: log.stored_at(delivered.watermark()),
            delivered,
            notes: opened.notes,
            ..State::default()
        };
        let damages = std::mem::take(&mut parked.damages);
        let shared = Self {
            log,
            files,
            options,
            state: Mutex::new(state),
            has_parked: AtomicBool::new(parked.is_in_use()),
            parked: Mutex::new(parked),
            work: Condvar::new(),
            space: Condvar::new(),
            entries: Condvar::new(),
        };
        for damage in damages {
            shared.note_lost(damage.lost.end - damage.lost.start, damage);
        }
        shared.count_parked(&shared.parked());
        shared
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn parked(&self) -> MutexGuard<'_, ParkedLog> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parked entries, if there are any.
    pub(super) fn parked_in_use(&self) -> Option<MutexGuard<'_, ParkedLog>> {
        self.has_parked.load(Ordering::Acquire).then(|| self.parked())
    }

    pub(super) fn wait<'a>(
        on: &Condvar,
        state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        on.wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Puts an entry into the queue, as soon as it has space.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        entry: Entry,
        begun: Instant,
        patience: Duration,
    ) -> Result<Ticket, AppendError> {
        let (size, max) = (entry.encoded_len(), self.options.max_entry);
        if size > max {
            return Err(AppendError::TooLarge { size, max });
        }
        let slot = Slot::new(entry, None);
        let mut state = self.state();
        while !state.ended && !state.queue.has_space(size, self.options.max_memory) {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                drop(state);
                return Err(self.full(patience));
            }
            state.space_waiters += 1;
            state = Self::wait(&self.space, state, left);
            state.space_waiters -= 1;
        }
        if state.closing || state.ended {
            return Err(AppendError::Closed);
        }
        state.queue.push(Arc::clone(&slot), size, begun);
        self.wake_writer(&mut state, begun);
        if state.reader_waits && self.options.mode == Mode::Overflow {
            self.entries.notify_one();
        }
        drop(state);
        Ok(Ticket {
            slot,
            shared: Arc::downgrade(self),
        })
    }

    /// Wakes the writer if it would sleep longer than the queue may wait.
    fn wake_writer(&self, state: &mut State, now: Instant) {
        let Some(wakes) = state.writer_wakes else { return };
        let no_consumer = state.has_no_consumer();
        if state
            .queue
            .due(&self.options, no_consumer, now)
            .is_some_and(|due| due < wakes)
        {
            state.writer_wakes = None;
            self.work.notify_one();
        }
    }

    pub(super) fn wake_reader(&self, state: &State) {
        if state.reader_waits {
            self.entries.notify_one();
        }
    }

    pub(super) fn wake_callers(&self, state: &State) {
        if state.space_waiters > 0 {
            self.space.notify_all();
        }
    }

    pub(super) fn wait_for_entries<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        state.reader_waits = true;
        let mut state = Self::wait(&self.entries, state, time);
        state.reader_waits = false;
        state
    }

    /// The error for an entry that waited without success.
    pub(crate) fn full(&self, waited: Duration) -> AppendError {
        let mut state = self.state();
        if state.ended {
            return AppendError::Closed;
        }
        state.counts.refused += 1;
        let reason = state.write_trouble.clone().unwrap_or_else(|| {
            format!(
                "{} bytes wait in memory; `max_memory` is {}",
                state.queue.bytes(),
                self.options.max_memory
            )
        });
        AppendError::SpoolFull { waited, reason }
    }

    pub(super) fn flush(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        let mut state = self.state();
        let end = state.queue.end();
        state.queue.flush();
        self.wake_writer(&mut state, begun);
        while state.queue.first() < end {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() || state.ended {
                return false;
            }
            state.space_waiters += 1;
            state = Self::wait(&self.space, state, left);
            state.space_waiters -= 1;
        }
        true
    }

    pub(super) fn set_away(&self, away: bool) {
        let mut state = self.state();
        state.away = away;
        self.wake_writer(&mut state, Instant::now());
    }

    pub(super) fn delivered(&self, id: Id) {
        match id {
            Id::Memory(number) => self.delivered_from_memory(number),
            Id::Stored(number) => {
                let mut state = self.state();
                state.counts.delivered += state.settle(number, number + 1);
                self.wake_to_save(&mut state);
            }
            Id::Parked(number) => self.unpark(|parked| {
                parked.finish(number);
                1
            }),
        }
    }

    fn delivered_from_memory(&self, number: u64) {
        let mut state = self.state();
        match state.queue.finish(number) {
            Finished::InMemory(slot) => {
                state.counts.delivered += 1;
                self.wake_callers(&state);
                drop(state);
                slot.finish(Ok(Promise::Delivered));
            }
            Finished::OnDisk(number) => {
                state.counts.delivered += state.settle(number, number + 1);
                self.wake_to_save(&mut state);
            }
            Finished::Unknown => {}
        }
    }

    /// Wakes the writer if it does not know yet that there is a position to save.
    fn wake_to_save(&self, state: &mut State) {
        let saves = Instant::now() + self.options.position_interval;
        if state.writer_wakes.is_some_and(|wakes| wakes > saves) {
            state.writer_wakes = None;
            self.work.notify_one();
        }
    }

    pub(super) fn park(&self, id: Id, entry: &Entry, reason: &str) -> io::Result<()> {
        let mut parked = self.parked();
        if let Id::Parked(number) = id {
            parked.park_again(number, reason);
            return Ok(());
        }
        parked.park(entry.clone(), reason, now_ms())?;
        self.has_parked.store(true, Ordering::Release);
        self.count_parked(&parked);
        drop(parked);
        let mut state = self.state();
        let on_disk = match id {
            Id::Memory(number) => match state.queue.finish(number) {
                Finished::InMemory(slot) => {
                    state.counts.stored += 1;
                    self.wake_callers(&state);
                    drop(state);
                    slot.finish(Ok(Promise::Stored));
                    return Ok(());
                }
                Finished::OnDisk(number) => number,
                Finished::Unknown => return Ok(()),
            },
            Id::Stored(number) | Id::Parked(number) => number,
        };
        state.settle(on_disk, on_disk + 1);
        self.wake_to_save(&mut state);
        Ok(())
    }

    pub(super) fn release(&self, id: u64) -> bool {
        let released = self.parked().release(id);
        let mut state = self.state();
        state.releases += 1;
        self.wake_reader(&state);
        released
    }

    pub(super) fn drop_parked(&self, id: u64) -> u64 {
        let mut dropped = 0;
        self.unpark(|parked| {
            dropped = parked.drop_group(id);
            0
        });
        dropped
    }

    /// Removes parked entries. `finish` returns how many of them were delivered.
    fn unpark(&self, finish: impl FnOnce(&mut ParkedLog) -> u64) {
        let mut parked = self.parked();
        let delivered = finish(&mut parked);
        self.has_parked.store(parked.is_in_use(), Ordering::Release);
        self.count_parked(&parked);
        drop(parked);
        let mut state = self.state();
        state.counts.delivered += delivered;
        state.parked_dirty = true;
        self.wake_to_save(&mut state);
    }

    fn count_parked(&self, parked: &ParkedLog) {
        let mut state = self.state();
        (state.counts.parked, state.counts.parked_keys) = (parked.count(), parked.keys());
    }

    /// Counts entries on the disk as lost, unless they were delivered.
    pub(super) fn lose(&self, damage: Damage) {
        let new = self.state().settle(damage.lost.start, damage.lost.end);
        if new > 0 {
            self.note_lost(new, damage);
        }
    }

    pub(super) fn note_lost(&self, new: u64, damage: Damage) {
        let mut state = self.state();
        state.counts.lost += new;
        state.counts.damages += 1;
        if state.damages.len() == MOST_NAMED {
            state.damages.pop_front();
        }
        state.damages.push_back(damage);
        self.wake_to_save(&mut state);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let (disk_bytes, segments) = (self.log.size(), self.log.segments() as u64);
        let state = self.state();
        let in_memory = state.queue.len();
        let in_queue = state.queue.age(Instant::now());
        Snapshot {
            depth: state.depth_on_disk() + in_memory,
            in_memory,
            memory_bytes: state.queue.bytes() as u64,
            disk_bytes,
            segments,
            to_disk: self.options.mode == Mode::Always || state.queue.is_to_disk(),
            oldest: state.age_on_disk().into_iter().chain(in_queue).max(),
            in_trouble: state.write_trouble.is_some() || state.save_trouble.is_some(),
            ..state.counts.clone()
        }
    }

    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.state();
        state.write_trouble.clone().or_else(|| state.save_trouble.clone())
    }

    pub(super) fn damages(&self) -> Vec<Damage> {
        self.state().damages.iter().cloned().collect()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.state().notes.clone()
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        let mut findings = check::look(&*self.files, &self.options, self.log.size());
        findings.extend(self.trouble().map(check::trouble));
        findings
    }

    /// Wakes all waiting threads, because nothing more will happen.
    pub(super) fn wake_all(&self) {
        self.space.notify_all();
        self.entries.notify_all();
    }

    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_all();
    }
}
