//! The reader of a spool.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Id, Shared};
use crate::entry::Entry;
use crate::log::{Cursor, Read};
use crate::options::Mode;
use crate::ticket::Slot;

/// After so many failures at one place, [`Options::retry_interval`](crate::Options::retry_interval) apart, pages that cannot be read
/// count as damaged if others can be.
const TRIES: u32 = 3;

/// Reads entries in the order in which they were appended; parked ones that were released come first. What was delivered already is
/// left out, and what follows a parked entry on its key is parked too.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
    /// An entry that could not be parked yet.
    stuck: Option<(Id, Message)>,
    /// How often something had been released when that was last checked.
    releases: u64,
    failures: u32,
    last_failure: Option<Instant>,
}

/// An [`Entry`] that was read.
#[derive(Debug)]
pub struct Message(Place);

#[derive(Debug)]
enum Place {
    Memory(Arc<Slot>),
    Disk(Entry),
}

impl Deref for Message {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match &self.0 {
            Place::Memory(slot) => slot.entry(),
            Place::Disk(entry) => entry,
        }
    }
}

impl PartialEq<Entry> for Message {
    fn eq(&self, other: &Entry) -> bool {
        **self == *other
    }
}

impl Reader {
    pub(super) fn of(shared: &Arc<Shared>) -> Option<Self> {
        let mut state = shared.state();
        if std::mem::replace(&mut state.has_reader, true) {
            return None;
        }
        let from = state.delivered.watermark();
        drop(state);
        shared.lot().begin_again();
        Some(Self {
            cursor: shared.log.cursor(from),
            shared: Arc::clone(shared),
            stuck: None,
            releases: 0,
            failures: 0,
            last_failure: None,
        })
    }

    /// The next entry, if there is one within the time. Entries that cannot be read any more are passed over, counted in the
    /// [snapshot](crate::Spool::snapshot) and [named](crate::Spool::damages).
    ///
    /// # Errors
    ///
    /// If the disk fails. The call can be made again. After three failures, [`Options::retry_interval`](crate::Options::retry_interval)
    /// apart, pages that cannot be read are passed over, if the disk reads others.
    pub fn read(&mut self, patience: Duration) -> io::Result<Option<(Id, Message)>> {
        let mut begun = None;
        loop {
            if let Some(released) = self.released()? {
                return Ok(Some(released));
            }
            match self.advance() {
                Ok(Some((id, message))) => {
                    self.failures = 0;
                    if let Some(message) = self.unless_parked(id, message)? {
                        return Ok(Some((id, message)));
                    }
                }
                Ok(None) => {
                    let begun = *begun.get_or_insert_with(Instant::now);
                    let left = patience.saturating_sub(begun.elapsed());
                    if left.is_zero() || !self.wait(left) {
                        return Ok(None);
                    }
                }
                Err(error) => {
                    self.note_failure();
                    return Err(error);
                }
            }
        }
    }

    fn note_failure(&mut self) {
        let retry = self.shared.options.retry_interval;
        if self.last_failure.is_some_and(|last| last.elapsed() < retry) {
            return;
        }
        self.last_failure = Some(Instant::now());
        self.failures += 1;
        if self.failures >= TRIES {
            self.cursor.give_up_bad_pages();
        }
    }

    fn released(&mut self) -> io::Result<Option<(Id, Message)>> {
        let Some(mut lot) = self.shared.lot_in_use() else {
            return Ok(None);
        };
        // Before the look, so that what is released after it is noticed.
        self.releases = self.shared.state().releases;
        let found = lot.next_released();
        let damages = std::mem::take(&mut lot.damages);
        drop(lot);
        for damage in damages {
            self.shared.note_lost(damage.lost.end - damage.lost.start, damage);
        }
        let found = found?;
        Ok(found.map(|(number, entry)| (Id::Parked(number), Message(Place::Disk(entry)))))
    }

    /// The next entry: from the disk, and from memory when all on the disk has been read.
    fn advance(&mut self) -> io::Result<Option<(Id, Message)>> {
        if let Some(stuck) = self.stuck.take() {
            return Ok(Some(stuck));
        }
        loop {
            if !self.cursor.has_ready() {
                // One lock for both, because the writer moves entries from memory to the disk.
                let mut state = self.shared.state();
                if !self.cursor.is_behind(state.readable) {
                    if self.shared.options.mode == Mode::Always {
                        return Ok(None);
                    }
                    if state.queue.is_to_disk()
                        && !state.is_alone()
                        && state
                            .age_on_disk()
                            .is_none_or(|age| age < self.shared.options.spill_after)
                    {
                        state.queue.back_to_memory();
                    }
                    let taken = state.queue.take();
                    return Ok(taken.map(|(number, slot)| (Id::Memory(number), Message(Place::Memory(slot)))));
                }
            }
            match self.cursor.read()? {
                None => return Ok(None),
                Some(Read::Lost(damage)) => self.shared.lose(damage),
                Some(Read::Entry { number, at, entry }) => {
                    let mut state = self.shared.state();
                    let is_new = !state.delivered.contains(number);
                    if is_new {
                        state.note_time(number, at);
                    }
                    if is_new && !state.queue.was_taken(number) {
                        return Ok(Some((Id::Stored(number), Message(Place::Disk(entry)))));
                    }
                }
            }
        }
    }

    /// The entry, unless it follows a parked one: then it is parked too.
    fn unless_parked(&mut self, id: Id, message: Message) -> io::Result<Option<Message>> {
        let holds = self.shared.lot_in_use().is_some_and(|lot| lot.holds(&message));
        if !holds {
            return Ok(Some(message));
        }
        if let Err(error) = self.shared.park(id, &message, "") {
            self.stuck = Some((id, message));
            return Err(error);
        }
        Ok(None)
    }

    /// Waits until something is appended or released. `false` if nothing ever will be.
    fn wait(&mut self, time: Duration) -> bool {
        let state = self.shared.state();
        let has_unread = self.shared.options.mode == Mode::Overflow && state.queue.has_unread();
        // What has changed between the read and the lock.
        if self.cursor.is_behind(state.readable) || has_unread || state.releases != self.releases {
            self.releases = state.releases;
            return true;
        }
        if state.ended {
            return false;
        }
        drop(self.shared.wait_for_entries(state, time));
        true
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.has_reader = false;
        state.queue.rewind();
        drop(state);
        // Nobody delivers now: what is in memory goes to the disk.
        self.shared.work.notify_one();
    }
}
