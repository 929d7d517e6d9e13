//! The one who reads a spool.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Id, Shared};
use crate::entry::Entry;
use crate::log::{Cursor, Read};

/// After so many failures at one place, pages that cannot be read count as damaged.
const TRIES: u32 = 3;

/// Reads entries in the order in which they were stored, those first that were parked and released. What was delivered already is left
/// out, and what must wait behind a parked entry is parked too.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
    /// What could not be parked yet.
    stuck: Option<(u64, Entry)>,
    /// How often something had been released when that was last looked for.
    releases: u64,
    failures: u32,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, from: u64) -> Self {
        let cursor = shared.log.cursor(from);
        Self {
            shared,
            cursor,
            stuck: None,
            releases: 0,
            failures: 0,
        }
    }

    /// The next entry, if there is one within the time. Entries that cannot be read any more are passed over, and are counted and named
    /// in the spool's [status](crate::Spool::status).
    ///
    /// # Errors
    ///
    /// If the disk fails. The call can be made again; from the third time on, what cannot be read is passed over.
    pub fn read(&mut self, patience: Duration) -> io::Result<Option<(Id, Entry)>> {
        let begun = Instant::now();
        loop {
            if let Some((number, entry)) = self.released()? {
                return Ok(Some((Id::Parked(number), entry)));
            }
            match self.advance() {
                Ok(Some(read)) => {
                    self.failures = 0;
                    if let Some((number, entry)) = self.take(read)? {
                        return Ok(Some((Id::Stored(number), entry)));
                    }
                }
                Ok(None) => {
                    let left = patience.saturating_sub(begun.elapsed());
                    if left.is_zero() || !self.wait(left) {
                        return Ok(None);
                    }
                }
                Err(error) => {
                    self.failures += 1;
                    if self.failures >= TRIES {
                        self.cursor.give_up_bad_pages();
                    }
                    return Err(error);
                }
            }
        }
    }

    fn released(&mut self) -> io::Result<Option<(u64, Entry)>> {
        if !self.shared.has_parked.load(Ordering::Acquire) {
            return Ok(None);
        }
        // Before the look, so that what is released after it is noticed.
        self.releases = self.shared.state().releases;
        let mut lot = self.shared.lot();
        let found = lot.next_released();
        let damages = std::mem::take(&mut lot.damages);
        drop(lot);
        for damage in damages {
            self.shared.note_lost(damage.lost.end - damage.lost.start, damage);
        }
        found
    }

    fn advance(&mut self) -> io::Result<Option<Read>> {
        match self.stuck.take() {
            Some((number, entry)) => Ok(Some(Read::Entry { number, at: 0, entry })),
            None => self.cursor.read(),
        }
    }

    /// The entry, if it is to be delivered now.
    fn take(&mut self, read: Read) -> io::Result<Option<(u64, Entry)>> {
        let (number, at, entry) = match read {
            Read::Entry { number, at, entry } => (number, at, entry),
            Read::Lost(damage) => {
                self.shared.lose(damage);
                return Ok(None);
            }
        };
        if self.shared.state().delivered.contains(number) {
            return Ok(None);
        }
        if self.shared.has_parked.load(Ordering::Acquire) && self.shared.lot().holds(&entry) {
            if let Err(error) = self.shared.park(number, entry.clone(), "") {
                self.stuck = Some((number, entry));
                return Err(error);
            }
            return Ok(None);
        }
        let mut state = self.shared.state();
        if at > 0 && state.times.back().is_none_or(|(_, last)| *last != at) {
            state.times.push_back((number, at));
        }
        Ok(Some((number, entry)))
    }

    /// Waits until something is stored or released. `false` if nothing ever will be.
    fn wait(&mut self, time: Duration) -> bool {
        let state = self.shared.state();
        // What was stored between the read and the lock is noticed by the log's own number.
        if self.cursor.is_behind() || state.releases != self.releases {
            self.releases = state.releases;
            return true;
        }
        if state.ended {
            return false;
        }
        drop(self.shared.wait(&self.shared.stored, state, time));
        true
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.state().has_reader = false;
    }
}
