//! The writer's thread: it writes entries in batches, and saves the position.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Shared;
use crate::entry::Encode;
use crate::error::AppendError;
use crate::log::Appender;
use crate::position::Position;
use crate::queue::Batch;
use crate::ticket::Promise;

/// The most bytes of a batch; a single larger entry is a batch too. Larger batches are slower without using the disk better.
const BATCH: usize = 1 << 20;
/// How long the thread sleeps at most when it has nothing to do.
const REST: Duration = Duration::from_secs(3_600);

/// When the next write and the next save are due.
struct Due {
    /// Not before this time after a fault.
    write: Instant,
    save: Instant,
}

impl Shared {
    /// Runs until the spool is closed. However it ends, every waiting caller gets an answer.
    pub(super) fn write_all(&self, mut appender: Appender) {
        let _end = End(self);
        let now = Instant::now();
        let mut due = Due {
            write: now,
            save: now,
        };
        loop {
            let (batch, closing) = self.next_batch(&due);
            if !batch.is_empty() {
                due.write = match self.write(&mut appender, &batch) {
                    Ok(()) => Instant::now(),
                    Err(error) => self.fail(batch, &error),
                };
            }
            if closing {
                let mut state = self.state();
                // The saved position records that the last batch is whole.
                state.dirty |= state.counts.stored > 0;
                if state.queue.len() > 0 && state.write_trouble.is_none() {
                    continue;
                }
                drop(state);
                self.save();
                return;
            }
            if Instant::now() >= due.save {
                due.save = Instant::now() + self.save();
            }
        }
    }

    /// Waits until something is due, and returns the next batch and whether the spool is closing.
    fn next_batch(&self, due: &Due) -> (Batch, bool) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let no_consumer = state.has_no_consumer();
            let write = state.queue.due(&self.options, no_consumer, now);
            let write = write.map(|write| write.max(due.write));
            let save = (state.dirty || state.parked_dirty).then_some(due.save);
            if state.closing || write.is_some_and(|write| write <= now) {
                return (state.queue.begin_write(BATCH), state.closing);
            }
            if save.is_some_and(|save| save <= now) {
                return (Batch::new(), false);
            }
            let next = [write, save].into_iter().flatten().min();
            let wakes = next.unwrap_or(now + REST);
            state.writer_wakes = Some(wakes);
            state = Self::wait(&self.work, state, wakes - now);
            state.writer_wakes = None;
        }
    }

    fn write(&self, appender: &mut Appender, batch: &Batch) -> io::Result<()> {
        let bytes = batch.iter().map(|(_, slot)| slot.encoded_len()).sum();
        self.check_age()?;
        if appender.needs_segment(batch.len(), bytes) {
            self.check_space(bytes)?;
        }
        let at = now_ms();
        let numbers = appender.append(batch.iter().map(|(_, slot)| &**slot), at)?;
        let mut state = self.state();
        let stored = state.queue.stored(batch, numbers.start);
        state.grow_to(numbers.end, at);
        for number in stored.delivered {
            state.settle(number, number + 1);
        }
        state.counts.stored += stored.slots.len() as u64;
        state.write_trouble = None;
        self.wake_reader(&state);
        self.wake_callers(&state);
        drop(state);
        for slot in stored.slots {
            slot.finish(Ok(Promise::Stored));
        }
        Ok(())
    }

    /// Puts a batch back. Returns when to write it again.
    fn fail(&self, batch: Batch, error: &io::Error) -> Instant {
        let mut state = self.state();
        state.queue.failed(batch);
        state.write_trouble = Some(describe(error));
        Instant::now() + self.options.retry_interval
    }

    /// Checks that the oldest entry on the disk is younger than `max_age`.
    fn check_age(&self) -> io::Result<()> {
        let Some(max) = self.options.max_age else {
            return Ok(());
        };
        match self.state().age_on_disk() {
            Some(age) if age > max => Err(full(format!(
                "the oldest entry on the disk has been waiting for {age:?}; `max_age` is {max:?}"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks that there is space for another segment.
    fn check_space(&self, bytes: usize) -> io::Result<()> {
        let segment = self.options.segment_bytes.max(bytes as u64);
        let size = self.log.size();
        if size + segment > self.options.max_bytes {
            return Err(full(format!(
                "the spool has {size} of `max_bytes` = {} bytes, which leaves no space for a segment of {segment}",
                self.options.max_bytes
            )));
        }
        let free = self.files.free()?;
        if free < segment + self.options.keep_free {
            return Err(full(format!(
                "the file system has {free} bytes free; a segment takes {segment}, and `keep_free` leaves {} to others",
                self.options.keep_free
            )));
        }
        Ok(())
    }

    fn save_position(&self) -> io::Result<()> {
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
            .and_then(|()| self.log.trim(position.watermark()));
        if saved.is_err() {
            self.state().dirty = true;
        }
        saved.map(|_| ())
    }

    fn save_parked(&self) -> io::Result<()> {
        if !std::mem::take(&mut self.state().parked_dirty) {
            return Ok(());
        }
        let saved = self.parked().save();
        self.state().parked_dirty |= saved.is_err();
        saved
    }

    /// Saves which entries are delivered. Returns after how long to save again.
    fn save(&self) -> Duration {
        let saved = self.save_position().and_then(|()| self.save_parked());
        let interval = self.options.position_interval;
        let due = saved
            .as_ref()
            .map_or(interval.max(self.options.retry_interval), |()| interval);
        let trouble = saved
            .err()
            .map(|error| format!("cannot save the position: {}", describe(&error)));
        self.state().save_trouble = trouble;
        due
    }
}

fn full(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, text)
}

/// An error with its remedy. The spool's own errors contain theirs already.
fn describe(error: &io::Error) -> String {
    if error.get_ref().is_some() {
        return error.to_string();
    }
    format!("{error}; {}", crate::error::remedy(error.kind()))
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Answers every waiting caller when the thread ends, even by a panic.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        let left = state.queue.clear();
        drop(state);
        for slot in left {
            slot.finish(Err(AppendError::Closed));
        }
        self.0.wake_all();
    }
}
