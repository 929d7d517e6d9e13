//! The segments of a folder: opens, appends to and reads them, and removes those that are delivered. No thread and no clock.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::entry::Decode;
use crate::error::OpenError;
use crate::files::{File, Files};
use crate::frame;
use crate::options::Options;
use crate::position::{Position, PositionError};

mod appender;
mod cursor;
mod end;

pub use appender::Appender;
pub use cursor::{Cursor, Read};

const SUFFIX: &str = ".spool";
const POSITION: &str = "position";
const NEW_POSITION: &str = "position.new";

/// The name of a segment. Its order is the order of reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name {
    /// The number of its first entry.
    pub(crate) first: u64,
    /// Of the segments with the same first number, only the latest attempt counts.
    pub(crate) attempt: u32,
    /// Goes into its checksums.
    pub(crate) salt: u32,
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(SUFFIX)?.split('-');
        let (first, attempt, salt) = (parts.next()?, parts.next()?, parts.next()?);
        let parsed = Self {
            first: first.parse().ok()?,
            attempt: attempt.parse().ok()?,
            salt: u32::from_str_radix(salt, 16).ok()?,
        };
        (parts.next().is_none() && parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, attempt, salt } = self;
        write!(f, "{first:020}-{attempt:010}-{salt:08x}{SUFFIX}")
    }
}

/// Whether a file of this name is a segment.
pub(crate) fn is_segment(name: &str) -> bool {
    Name::parse(name).is_some()
}

/// The list of segments, which appender and cursors share.
#[derive(Debug)]
struct Index {
    segments: VecDeque<Segment>,
    /// The number of the next entry: all earlier ones are stored.
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    name: Name,
    /// Where its last batch ends. What follows was never confirmed.
    end: u64,
    /// The bytes that it takes on the disk.
    size: u64,
}

/// A folder's segments.
#[derive(Clone, Debug)]
pub struct Log {
    files: Arc<dyn Files>,
    index: Arc<Mutex<Index>>,
}

/// What opening a log found.
#[derive(Debug)]
pub struct Opened {
    /// Which entries are delivered.
    pub position: Position,
    /// The encoded entries of the last batch, if it is not certain to be on the disk: the process may have died, or the sync failed,
    /// while it was written. They are not in the log, and must be [appended](Appender::append) before all others.
    pub unconfirmed: Vec<Vec<u8>>,
    /// What should be logged: an incomplete last write, a damaged position.
    pub notes: Vec<String>,
}

impl Log {
    /// Opens a folder. Reads only the position and the newest segment.
    ///
    /// # Errors
    ///
    /// If files cannot be read, or were written by a later version.
    pub fn open(files: Arc<dyn Files>) -> Result<(Self, Opened), OpenError> {
        let mut names: Vec<Name> = Vec::new();
        for name in files.list().map_err(OpenError::reading("the folder"))? {
            if name == NEW_POSITION {
                // Left by a crash; the position itself is whole.
                let _ = files.remove(&name);
            }
            names.extend(Name::parse(&name));
        }
        names.sort_unstable();
        let mut notes = Vec::new();
        let oldest = names.first().map_or(0, |name| name.first);
        let position = read_position(&*files, oldest, &mut notes)?;
        let mut segments = VecDeque::with_capacity(names.len());
        for name in names {
            let text = name.to_string();
            let file = files.open(&text).map_err(OpenError::reading(&text))?;
            let size = file.size().map_err(OpenError::reading(&text))?;
            check_mark(&*file, &text)?;
            segments.push_back(Segment {
                name,
                end: size,
                size,
            });
        }
        let stored_to = position.stored_to.max(position.delivered.end());
        let end = end::find_end(&*files, &mut segments, stored_to, &mut notes)?;
        let index = Index {
            segments,
            next: end.next.max(stored_to),
        };
        let opened = Opened {
            position,
            unconfirmed: end.unconfirmed,
            notes,
        };
        let index = Arc::new(Mutex::new(index));
        Ok((Self { files, index }, opened))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number that the next entry gets.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.index().next
    }

    /// The bytes that the segments take on the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.index().segments.iter().map(|segment| segment.size).sum()
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.index().segments.len()
    }

    /// When the first batch of the segment with this entry was stored, in milliseconds since 1970.
    pub(crate) fn stored_at(&self, number: u64) -> Option<u64> {
        let name = self
            .index()
            .segments
            .iter()
            .rev()
            .map(|segment| segment.name)
            .find(|name| name.first <= number)?;
        let mut bytes = [0; frame::HEADER];
        let file = self.files.open(&name.to_string()).ok()?;
        file.read_at(&mut bytes, frame::MARK.len() as u64).ok()?;
        frame::Header::decode(&bytes, name.salt).map(|header| header.at)
    }

    /// Creates an appender. There must be only one at a time.
    #[must_use]
    pub fn appender(&self, options: &Options) -> Appender {
        Appender::new(self.clone(), options)
    }

    /// Creates a cursor that reads from this number on.
    #[must_use]
    pub fn cursor<T: Decode>(&self, from: u64) -> Cursor<T> {
        Cursor::new(self.clone(), from)
    }

    /// Replaces the position on the disk.
    ///
    /// # Errors
    ///
    /// If that fails; the old one is kept then.
    pub fn save(&self, position: &Position) -> io::Result<()> {
        let bytes = position.encode();
        self.files.check()?;
        match self.files.remove(NEW_POSITION) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.files.create(NEW_POSITION, bytes.len() as u64)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        self.files.rename(NEW_POSITION, POSITION)?;
        self.files.sync()
    }

    /// Removes the segments whose entries are all below `watermark`, which must be [saved](Log::save). Returns how many.
    ///
    /// # Errors
    ///
    /// If a file cannot be removed; the call can be repeated.
    pub fn trim(&self, watermark: u64) -> io::Result<usize> {
        let mut removed = 0;
        loop {
            let delivered = {
                let index = self.index();
                let next = index.segments.get(1).map(|segment| segment.name.first);
                index
                    .segments
                    .front()
                    .copied()
                    .filter(|_| next.is_some_and(|next| next <= watermark))
            };
            let Some(segment) = delivered else {
                return Ok(removed);
            };
            match self.files.remove(&segment.name.to_string()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            self.index().segments.pop_front();
            removed += 1;
        }
    }
}

fn read_position(files: &dyn Files, oldest: u64, notes: &mut Vec<String>) -> Result<Position, OpenError> {
    let from_the_oldest = || Position::delivered_below(oldest);
    let file = match files.open(POSITION) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(from_the_oldest()),
        Err(error) => return Err(OpenError::reading(POSITION)(error)),
    };
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX).min(1 << 20)];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    };
    match Position::decode(&read().map_err(OpenError::reading(POSITION))?) {
        Ok(position) => Ok(position),
        Err(PositionError::Version(version)) => Err(OpenError::later(POSITION, version)),
        Err(PositionError::Damaged) => {
            notes.push(format!(
                "the file `{POSITION}` is damaged; delivering again from entry {oldest}, the oldest one"
            ));
            Ok(from_the_oldest())
        }
    }
}

fn check_mark(file: &dyn File, name: &str) -> Result<(), OpenError> {
    let mut mark = [0; frame::MARK.len()];
    file.read_at(&mut mark, 0).map_err(OpenError::reading(name))?;
    let (text, version) = (&mark[..7], mark[7]);
    // A damaged mark proves nothing; the checksums of the batches do.
    if text == &frame::MARK[..7] && version > frame::MARK[7] {
        return Err(OpenError::later(name, version));
    }
    Ok(())
}
