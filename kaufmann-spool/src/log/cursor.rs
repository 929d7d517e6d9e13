//! Reads a log in order, and reports what is missing from it.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use super::{Log, Name, Segment};
use crate::entry::{Decode, Entry};
use crate::frame::{self, Frame, Header};
use crate::scan::{Damage, Found, Scanner};

/// The most damaged bytes that are kept in a file.
const MOST_KEPT: u64 = 16 << 20;

/// The next item of a log.
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

/// A position in a log, from which it is read.
#[derive(Debug)]
pub struct Cursor<T = Entry> {
    log: Log,
    /// The number that comes next.
    expected: u64,
    reading: Option<Reading>,
    /// The entries of the current batch that were not returned yet.
    ready: VecDeque<Read<T>>,
}

#[derive(Debug)]
struct Reading {
    name: Name,
    scanner: Scanner,
    /// The number of the next batch's first entry in this file.
    due: u64,
    /// Damaged bytes just before `scanner`'s position.
    damaged: Option<Range<u64>>,
}

/// How far a segment may be read.
struct View {
    end: u64,
    /// From this number on, entries are in another segment, or not stored.
    limit: u64,
    following: Option<Name>,
}

impl<T: Decode> Cursor<T> {
    pub(super) fn new(log: Log, from: u64) -> Self {
        Self {
            log,
            expected: from,
            reading: None,
            ready: VecDeque::new(),
        }
    }

    /// Returns the next item; `None` if everything stored has been read. After an error the call can be repeated.
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
                // The segment was removed, so all its entries are delivered.
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

    /// Whether some entries below this number were not read yet.
    #[must_use]
    pub fn is_behind(&self, number: u64) -> bool {
        !self.ready.is_empty() || self.expected < number
    }

    /// Treats pages that the disk cannot read as damaged, in the segment that is being read.
    pub fn skip_bad_pages(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.scanner.skip_bad_pages();
        }
    }

    /// Opens the segment that contains the next number. `false` if that is not stored yet.
    fn choose(&mut self) -> io::Result<bool> {
        let (chosen, oldest, next) = {
            let index = self.log.index();
            let names = || index.segments.iter().map(|segment| segment.name);
            let chosen = names().rev().find(|name| name.first <= self.expected);
            (chosen, names().next(), index.next)
        };
        if self.expected >= next {
            return Ok(false);
        }
        let Some(name) = chosen else {
            // Its segment is missing, with everything before the oldest one that exists.
            let first = oldest.map_or(next, |name| name.first);
            self.lose("a segment before it", 0..0, self.expected..first);
            return Ok(true);
        };
        let file = match self.log.files.open(&name.to_string()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // If the whole folder is missing, it may come back; a single file was removed.
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

    /// Records that a segment's file is missing, unless the segment was removed because all its entries are delivered.
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

    /// Records lost entries, if there are any, and keeps the damaged bytes in a file.
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
    let index = log.index();
    let at = index.segments.iter().position(|segment| segment.name == name)?;
    let Segment { end, .. } = index.segments[at];
    let following = index.segments.get(at + 1).map(|segment| segment.name);
    Some(View {
        end,
        limit: following.map_or(index.next, |name| name.first),
        following,
    })
}
