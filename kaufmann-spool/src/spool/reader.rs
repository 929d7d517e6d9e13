//! The one who reads a spool.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use crate::entry::Entry;
use crate::log::{Cursor, Read};

/// After so many failures at one place, pages that cannot be read count as damaged.
const TRIES: u32 = 3;

/// Reads entries in the order in which they were stored. Those that were delivered already are left out.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    cursor: Cursor,
    failures: u32,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, from: u64) -> Self {
        let cursor = shared.log.cursor(from);
        Self {
            shared,
            cursor,
            failures: 0,
        }
    }

    /// The next entry with its number, if there is one within the time. Entries that cannot be read any more are passed over, and
    /// are counted and named in the spool's [status](crate::Spool::status).
    ///
    /// # Errors
    ///
    /// If the disk fails. The call can be made again; from the third time on, what cannot be read is passed over.
    pub fn read(&mut self, patience: Duration) -> io::Result<Option<(u64, Entry)>> {
        let begun = Instant::now();
        loop {
            match self.cursor.read() {
                Ok(Some(Read::Entry { number, at, entry })) => {
                    self.failures = 0;
                    if self.hand_out(number, at) {
                        return Ok(Some((number, entry)));
                    }
                }
                Ok(Some(Read::Lost(damage))) => self.shared.lose(damage),
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

    /// `false` if the entry is delivered already.
    fn hand_out(&self, number: u64, at: u64) -> bool {
        let mut state = self.shared.state();
        if state.delivered.contains(number) {
            return false;
        }
        if state.times.back().is_none_or(|(_, last)| *last != at) {
            state.times.push_back((number, at));
        }
        true
    }

    /// Waits until something is stored. `false` if nothing ever will be.
    fn wait(&self, time: Duration) -> bool {
        let state = self.shared.state();
        // What was stored between the read and the lock is noticed by the log's own number.
        if self.cursor.is_behind() {
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
