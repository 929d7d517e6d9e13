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

/// After this many failures at one position, [`Options::retry_interval`](crate::Options::retry_interval) apart, unreadable pages count as
/// damaged if others can be read.
const TRIES: u32 = 3;

/// Reads entries in the order in which they were appended; parked ones that were released come first. Delivered entries are skipped,
/// and entries that follow a parked one on its key are parked too.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
    /// An entry that could not be parked yet.
    stuck: Option<(Id, Message)>,
    /// The count of releases when it was last checked.
    releases: u64,
    failures: u32,
    last_failure: Option<Instant>,
}

/// An [`Entry`] that was read.
#[derive(Debug)]
pub struct Message(Content);

#[derive(Debug)]
enum Content {
    Memory(Arc<Slot>),
    Disk(Entry),
}

impl Deref for Message {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match &self.0 {
            Content::Memory(slot) => slot.entry(),
            Content::Disk(entry) => entry,
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
        shared.parked().rewind();
        Some(Self {
            cursor: shared.log.cursor(from),
            shared: Arc::clone(shared),
            stuck: None,
            releases: 0,
            failures: 0,
            last_failure: None,
        })
    }

    /// Returns the next entry; `None` if there is none within `patience`. Entries that cannot be read any more are skipped, counted in the
    /// [snapshot](crate::Spool::snapshot), and listed in [`damages`](crate::Spool::damages).
    ///
    /// # Errors
    ///
    /// If the disk fails. The call can be repeated. After three failures, [`Options::retry_interval`](crate::Options::retry_interval)
    /// apart, unreadable pages are skipped, if the disk can read others.
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
            self.cursor.skip_bad_pages();
        }
    }

    fn released(&mut self) -> io::Result<Option<(Id, Message)>> {
        let Some(mut parked) = self.shared.parked_in_use() else {
            return Ok(None);
        };
        // Read before the search, so that a later release is noticed.
        self.releases = self.shared.state().releases;
        let found = parked.next_released();
        let damages = std::mem::take(&mut parked.damages);
        drop(parked);
        for damage in damages {
            self.shared.note_lost(damage.lost.end - damage.lost.start, damage);
        }
        let found = found?;
        Ok(found.map(|(number, entry)| (Id::Parked(number), Message(Content::Disk(entry)))))
    }

    /// Returns the next entry: from the disk, then from memory when everything on the disk has been read.
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
                        && !state.has_no_consumer()
                        && state
                            .age_on_disk()
                            .is_none_or(|age| age < self.shared.options.spill_after)
                    {
                        state.queue.back_to_memory();
                    }
                    let taken = state.queue.take();
                    return Ok(
                        taken.map(|(number, slot)| (Id::Memory(number), Message(Content::Memory(slot))))
                    );
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
                        return Ok(Some((Id::Stored(number), Message(Content::Disk(entry)))));
                    }
                }
            }
        }
    }

    /// Returns the entry, or parks it if it follows a parked one on its key.
    fn unless_parked(&mut self, id: Id, message: Message) -> io::Result<Option<Message>> {
        let holds = self
            .shared
            .parked_in_use()
            .is_some_and(|parked| parked.holds(&message));
        if !holds {
            return Ok(Some(message));
        }
        if let Err(error) = self.shared.park(id, &message, "") {
            self.stuck = Some((id, message));
            return Err(error);
        }
        Ok(None)
    }

    /// Waits until an entry is appended or released. Returns `false` if that cannot happen any more.
    fn wait(&mut self, time: Duration) -> bool {
        let state = self.shared.state();
        let has_unread = self.shared.options.mode == Mode::Overflow && state.queue.has_unread();
        // Something may have changed between the read and the lock.
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
        // Without a reader, the entries in memory go to the disk.
        self.shared.work.notify_one();
    }
}
