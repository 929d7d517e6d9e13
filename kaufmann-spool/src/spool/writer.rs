//! The thread that writes: entries in batches, and what is delivered.

use std::io;
use std::mem;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Shared, Waiting};
use crate::error::StoreError;
use crate::log::Appender;
use crate::position::Position;

/// The bytes of a batch, but for an entry that is larger by itself. More makes a batch slower, not the disk faster.
const BATCH: usize = 1 << 20;
/// How long the thread rests at most when there is nothing to do.
const REST: Duration = Duration::from_secs(3_600);

/// When things are due.
struct Due {
    /// Not before this time after a fault.
    write: Instant,
    save: Instant,
}

impl Shared {
    /// Runs until the spool is closed. Whatever ends it, everybody who waits gets an answer.
    pub(super) fn write_all(&self, mut appender: Appender) {
        let mut end = End {
            shared: self,
            batch: Vec::new(),
        };
        let now = Instant::now();
        let mut due = Due {
            write: now,
            save: now,
        };
        loop {
            let closing = self.take(&mut end.batch, &due);
            let now = Instant::now();
            if !end.batch.is_empty() {
                due.write = match self.write(&mut appender, &mut end.batch) {
                    Ok(()) => now,
                    Err(error) => self.fail(&mut end.batch, &error),
                };
            }
            if closing {
                let mut state = self.state();
                // So that it is known that the last batch is whole.
                state.dirty |= state.stored_count > 0;
                if !state.waiting.is_empty() && state.write_trouble.is_none() {
                    continue;
                }
                drop(state);
                self.note();
                return;
            }
            if now >= due.save {
                due.save = now + self.note();
            }
        }
    }

    /// Waits until something is due, and takes the next batch. Returns whether the spool is closing.
    fn take(&self, batch: &mut Vec<Waiting>, due: &Due) -> bool {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let write = (!state.waiting.is_empty()).then_some(due.write);
            let save = (state.dirty || state.lot_dirty).then_some(due.save);
            let next = [write, save].into_iter().flatten().min();
            if state.closing || next.is_some_and(|next| next <= now) {
                break;
            }
            let rest = next.map_or(REST, |next| next - now);
            state = self.wait(&self.work, state, rest);
        }
        if due.write > Instant::now() && !state.closing {
            return false;
        }
        let mut bytes = 0;
        while let Some(first) = state.waiting.front() {
            if bytes > 0 && bytes + first.entry.len() > BATCH {
                break;
            }
            let Some(waiting) = state.waiting.pop_front() else {
                break;
            };
            if waiting.slot.begin() {
                bytes += waiting.entry.len();
                batch.push(waiting);
            } else {
                state.waiting_bytes -= waiting.entry.len();
            }
        }
        state.closing
    }

    fn write(&self, appender: &mut Appender, batch: &mut Vec<Waiting>) -> io::Result<()> {
        let bytes = batch.iter().map(|waiting| waiting.entry.len()).sum();
        if appender.needs_segment(bytes) {
            self.check_room(bytes)?;
        }
        let entries = batch.iter().map(|waiting| &*waiting.entry);
        let numbers = appender.append(entries, now_ms())?;
        let mut state = self.state();
        state.waiting_bytes -= bytes;
        state.stored_count += numbers.end - numbers.start;
        state.write_trouble = None;
        drop(state);
        self.stored.notify_all();
        self.room.notify_all();
        for (waiting, number) in batch.drain(..).zip(numbers) {
            waiting.slot.finish(Ok(number));
        }
        Ok(())
    }

    /// Puts a batch back, in its order. Returns when it is tried again.
    fn fail(&self, batch: &mut Vec<Waiting>, error: &io::Error) -> Instant {
        let mut state = self.state();
        for waiting in mem::take(batch).into_iter().rev() {
            waiting.slot.again();
            state.waiting.push_front(waiting);
        }
        state.write_trouble = Some(error.to_string());
        Instant::now() + self.options.retry_interval
    }

    /// Whether another segment may be begun.
    fn check_room(&self, bytes: usize) -> io::Result<()> {
        let full = |text: String| Err(io::Error::new(io::ErrorKind::StorageFull, text));
        let segment = self.options.segment_bytes.max(bytes as u64);
        let size = self.log.size();
        if size + segment > self.options.max_bytes {
            return full(format!(
                "the spool has {size} of `max_bytes` = {} bytes, which leaves no room for a segment of {segment}",
                self.options.max_bytes
            ));
        }
        let free = self.files.free()?;
        if free < segment + self.options.keep_free {
            return full(format!(
                "the file system has {free} bytes free; a segment takes {segment}, and `keep_free` leaves {} to others",
                self.options.keep_free
            ));
        }
        Ok(())
    }

    fn save(&self) -> io::Result<()> {
        let mut state = self.state();
        if !state.dirty {
            return Ok(());
        }
        let delivered = state.delivered.clone();
        state.dirty = false;
        drop(state);
        let stored_to = self.log.next();
        let position = Position { delivered, stored_to };
        let saved = self
            .log
            .save(&position)
            .and_then(|()| self.log.trim(position.delivered.watermark()));
        if saved.is_err() {
            self.state().dirty = true;
        }
        saved.map(|_| ())
    }

    fn save_lot(&self) -> io::Result<()> {
        if !std::mem::take(&mut self.state().lot_dirty) {
            return Ok(());
        }
        let saved = self.lot().save();
        self.state().lot_dirty |= saved.is_err();
        saved
    }

    /// Notes on the disk what is delivered. Returns after how long that is due again.
    fn note(&self) -> Duration {
        let saved = self.save().and_then(|()| self.save_lot());
        let interval = self.options.position_interval;
        let due = saved
            .as_ref()
            .map_or(interval.max(self.options.retry_interval), |()| interval);
        self.state().note_trouble = saved
            .err()
            .map(|error| format!("cannot note on the disk what is delivered: {error}"));
        due
    }
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Answers everybody when the thread ends, also by a panic.
struct End<'a> {
    shared: &'a Shared,
    /// What is being written.
    batch: Vec<Waiting>,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        let left = mem::take(&mut state.waiting);
        state.waiting_bytes = 0;
        drop(state);
        for waiting in self.batch.drain(..).chain(left) {
            waiting.slot.finish(Err(StoreError::Closed));
        }
        self.shared.stored.notify_all();
        self.shared.room.notify_all();
    }
}
