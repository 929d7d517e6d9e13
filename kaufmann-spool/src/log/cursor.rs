//! Reads a log in order, and says what is missing from it.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use super::{Log, Name, Segment};
use crate::entry::{Entry, Kept};
use crate::frame::{self, Frame, Header};
use crate::scan::{Damage, Found, Scanner};

/// Of damaged bytes, so many are kept in a file.
const MOST_KEPT: u64 = 16 << 20;

/// What comes next in a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read<T = Entry> {
    /// An entry.
    Entry {
        /// Its number.
        number: u64,
        /// When it was stored, in milliseconds since 1970.
        at: u64,
        /// The entry.
        entry: T,
    },
    /// Entries that were stored and cannot be read.
    Lost(Damage),
}

/// A place in a log.
#[derive(Debug)]
pub struct Cursor<T = Entry> {
    log: Log,
    /// The number that comes next.
    expected: u64,
    reading: Option<Reading>,
    /// What was read of a batch and not yet returned.
    ready: VecDeque<Read<T>>,
}

#[derive(Debug)]
struct Reading {
    name: Name,
    scanner: Scanner,
    /// The number that comes next in the file, from its begin.
    due: u64,
    /// Bytes before `scanner` that are no batch.
    damaged: Option<Range<u64>>,
}

/// How far a segment may be read.
struct View {
    end: u64,
    /// The numbers from here on are in another segment, or not stored.
    limit: u64,
    following: Option<Name>,
}

impl<T: Kept> Cursor<T> {
    pub(super) fn new(log: Log, from: u64) -> Self {
        Self {
            log,
            expected: from,
            reading: None,
            ready: VecDeque::new(),
        }
    }

    /// What comes next; `None` if all that is stored has been read. After an error the call can be made again.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub fn read(&mut self) -> io::Result<Option<Read<T>>> {
        loop {
            if let Some(read) = self.ready.pop_front() {
                return Ok(Some(read));
            }
            if self.reading.is_none() && !self.choose()? {
                return Ok(None);
            }
            let Some(reading) = &mut self.reading else {
                continue;
            };
            let Some(view) = view(&self.log, reading.name) else {
                // It is removed, so all of it is delivered.
                self.reading = None;
                continue;
            };
            if self.expected < view.limit {
                let found = reading.scanner.next(view.end, reading.due)?;
                self.take(found, &view);
            } else if view.following.is_some() {
                self.reading = None;
            } else {
                return Ok(None);
            }
        }
    }

    /// Whether an entry can be returned without reading the disk.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether entries below this number were not read yet.
    #[must_use]
    pub fn is_behind(&self, number: u64) -> bool {
        !self.ready.is_empty() || self.expected < number
    }

    /// Takes pages that the disk cannot read for damaged ones, in the segment that is read now.
    pub fn give_up_bad_pages(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.scanner.give_up_bad_pages();
        }
    }

    /// Opens the segment that has the next number. `false` if it is not stored yet.
    fn choose(&mut self) -> io::Result<bool> {
        let (chosen, oldest, next) = {
            let shelf = self.log.shelf();
            let names = || shelf.segments.iter().map(|segment| segment.name);
            let chosen = names().rev().find(|name| name.first <= self.expected);
            (chosen, names().next(), shelf.next)
        };
        if self.expected >= next {
            return Ok(false);
        }
        let Some(name) = chosen else {
            // The segment that had it is gone, and so is everything up to the oldest that is there.
            let first = oldest.map_or(next, |name| name.first);
            self.lose("a segment before it", 0..0, self.expected..first);
            return Ok(true);
        };
        let file = match self.log.files.open(&name.to_string()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // With its folder it may come back; alone it was removed.
                self.log.files.check()?;
                self.lose_segment(name);
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        self.reading = Some(Reading {
            name,
            scanner: Scanner::new(file, name),
            due: name.first,
            damaged: None,
        });
        Ok(true)
    }

    /// Notes that a segment's file is gone, unless the segment was removed because all of it is delivered.
    fn lose_segment(&mut self, name: Name) {
        if let Some(view) = view(&self.log, name) {
            self.lose(&name.to_string(), 0..0, self.expected..view.limit);
        }
    }

    fn take(&mut self, found: Found, view: &View) {
        let Some(reading) = &mut self.reading else { return };
        let name = reading.name.to_string();
        match found {
            Found::Damaged(bytes) => reading.damaged = Some(bytes),
            Found::Batch { header, at, frames } if header.first < view.limit => {
                let due = reading.due;
                reading.due = header.first + u64::from(header.count);
                let damaged = reading.damaged.take().unwrap_or(at..at);
                self.lose(&name, damaged, due.max(self.expected)..header.first);
                self.take_frames(&name, &header, at, &frames, view.limit);
            }
            Found::Batch { at, .. } | Found::End { at, .. } => {
                let missing = reading.due.max(self.expected)..view.limit;
                let from = reading.damaged.take().map_or(at, |bytes| bytes.start);
                self.lose(&name, from..view.end.max(from), missing);
            }
        }
    }

    fn take_frames(&mut self, name: &str, header: &Header, at: u64, bytes: &[u8], limit: u64) {
        let Some(reading) = &self.reading else { return };
        let salt = reading.scanner.salt();
        let begin = at + frame::HEADER as u64;
        for (number, frame) in frame::frames(*header, salt, bytes) {
            if number < self.expected || number >= limit {
                continue;
            }
            match frame {
                Frame::Whole(entry) => {
                    let at = header.at;
                    self.ready.push_back(Read::Entry { number, at, entry });
                    self.expected = number + 1;
                }
                Frame::Damaged { from, to } => {
                    self.lose(name, begin + from as u64..begin + to as u64, number..number + 1);
                }
            }
        }
    }

    /// Notes that entries are lost, if there are any, and keeps the bytes that are in their place.
    fn lose(&mut self, segment: &str, bytes: Range<u64>, lost: Range<u64>) {
        if lost.start >= lost.end {
            return;
        }
        self.expected = lost.end;
        let kept_as = self.keep(segment, &bytes, lost.start);
        self.ready.push_back(Read::Lost(Damage {
            segment: segment.to_owned(),
            bytes,
            lost,
            kept_as,
        }));
    }

    fn keep(&self, segment: &str, bytes: &Range<u64>, number: u64) -> Option<String> {
        let len = (bytes.end - bytes.start).min(MOST_KEPT);
        if len == 0 {
            return None;
        }
        let copy = || -> io::Result<String> {
            let mut buffer = vec![0; usize::try_from(len).unwrap_or_default()];
            let read = self.log.files.open(segment)?.read_at(&mut buffer, bytes.start)?;
            let name = format!("damaged-{number:020}.bytes");
            let file = self.log.files.create(&name, read as u64)?;
            file.write_at(&buffer[..read], 0)?;
            Ok(name)
        };
        copy().ok()
    }
}

fn view(log: &Log, name: Name) -> Option<View> {
    let shelf = log.shelf();
    let at = shelf.segments.iter().position(|segment| segment.name == name)?;
    let Segment { end, .. } = shelf.segments[at];
    let following = shelf.segments.get(at + 1).map(|segment| segment.name);
    Some(View {
        end,
        limit: following.map_or(shelf.next, |name| name.first),
        following,
    })
}
