//! The segments of a folder: opened, appended to, read, and removed when they are delivered. No thread and no clock.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::OpenError;
use crate::files::{File, Files};
use crate::frame::{self, Batch, Header};
use crate::options::Options;
use crate::position::{Position, PositionError};
use crate::scan::{Found, Scanner};

mod cursor;

pub use cursor::{Cursor, Read};

const SUFFIX: &str = ".spool";
const POSITION: &str = "position";
const NEW_POSITION: &str = "position.new";

/// The name of a segment. They are ordered as they are read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name {
    /// The number of its first entry.
    pub(crate) first: u64,
    /// Of segments with the same first number only the latest counts.
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

/// What the one who appends and the one who reads both know.
#[derive(Debug)]
struct Shelf {
    segments: VecDeque<Segment>,
    /// The number of the next entry: all before it are stored.
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    name: Name,
    /// Where its last batch ends. What comes behind was never confirmed.
    end: u64,
    /// The bytes that it takes on the disk.
    size: u64,
}

/// A folder's segments.
#[derive(Clone, Debug)]
pub struct Log {
    files: Arc<dyn Files>,
    shelf: Arc<Mutex<Shelf>>,
}

/// What was found when a log was opened.
#[derive(Debug)]
pub struct Opened {
    /// What is delivered.
    pub position: Position,
    /// The encoded entries of the last batch, if nothing says that it is on the disk for certain: the process may have died, or the
    /// sync have failed, while it was written. They are not in the log, and must be [appended](Appender::append) before all others.
    pub unconfirmed: Vec<Vec<u8>>,
    /// What is worth a line in the log: a cut tail, a damaged position.
    pub notes: Vec<String>,
}

impl Log {
    /// Opens a folder. Reads the position and the newest segment, no more.
    ///
    /// # Errors
    ///
    /// If files cannot be read, or were written by a later version.
    pub fn open(files: Arc<dyn Files>) -> Result<(Self, Opened), OpenError> {
        let mut names: Vec<Name> = Vec::new();
        for name in files.list().map_err(OpenError::reading("the folder"))? {
            if name == NEW_POSITION {
                // What a crash has left; the position itself is whole.
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
            let size = file.len().map_err(OpenError::reading(&text))?;
            check_mark(&*file, &text)?;
            segments.push_back(Segment { name, end: size, size });
        }
        let stored_to = position.stored_to.max(position.delivered.end());
        let tail = find_tail(&*files, &mut segments, stored_to, &mut notes)?;
        let shelf = Shelf {
            segments,
            next: tail.next.max(stored_to),
        };
        let opened = Opened {
            position,
            unconfirmed: tail.unconfirmed,
            notes,
        };
        let shelf = Arc::new(Mutex::new(shelf));
        Ok((Self { files, shelf }, opened))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number that the next entry gets.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.shelf().next
    }

    /// The bytes that the segments take on the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shelf().segments.iter().map(|segment| segment.size).sum()
    }

    /// Appends to the log. There must be one at a time.
    #[must_use]
    pub fn appender(&self, options: &Options) -> Appender {
        Appender {
            log: self.clone(),
            segment_bytes: options.segment_bytes,
            current: None,
            batch: Batch::default(),
        }
    }

    /// Reads the log from a number on.
    #[must_use]
    pub fn cursor(&self, from: u64) -> Cursor {
        Cursor::new(self.clone(), from)
    }

    /// Replaces the position on the disk.
    ///
    /// # Errors
    ///
    /// If that fails; then the old one is still there.
    pub fn save(&self, position: &Position) -> io::Result<()> {
        let bytes = position.encode();
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

    /// Removes the segments of which a number that was [saved](Log::save) is behind all entries. Returns how many.
    ///
    /// # Errors
    ///
    /// If a file cannot be removed; the call can be made again.
    pub fn trim(&self, watermark: u64) -> io::Result<usize> {
        let mut removed = 0;
        loop {
            let done = {
                let shelf = self.shelf();
                let next = shelf.segments.get(1).map(|segment| segment.name.first);
                shelf.segments.front().copied().filter(|_| next.is_some_and(|next| next <= watermark))
            };
            let Some(segment) = done else { return Ok(removed) };
            match self.files.remove(&segment.name.to_string()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            self.shelf().segments.pop_front();
            removed += 1;
        }
    }
}

/// Writes batches, one after another.
#[derive(Debug)]
pub struct Appender {
    log: Log,
    segment_bytes: u64,
    /// The segment that is written to. `None` at the start and after a failed write: what that has left is not known.
    current: Option<Open>,
    batch: Batch,
}

#[derive(Debug)]
struct Open {
    name: Name,
    file: Arc<dyn File>,
    end: u64,
    size: u64,
    /// Whether its name is on the disk for certain.
    named: bool,
}

impl Appender {
    /// Stores encoded entries, and returns their numbers. After an error none of them is stored, and they can be appended again.
    ///
    /// # Errors
    ///
    /// If a file cannot be made, written, or brought to the disk.
    pub fn append<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a [u8]> + Clone,
        at: u64,
    ) -> io::Result<Range<u64>> {
        let bytes: usize = entries.clone().map(|entry| frame::PREFIX + entry.len()).sum();
        let needed = (frame::HEADER + bytes) as u64 + frame::ALIGN;
        // Until it is confirmed, nothing more is written there.
        let mut open = match self.current.take() {
            Some(open) if open.end + needed <= open.size => open,
            full => {
                if let Some(full) = full {
                    self.give_back(&full);
                }
                self.begin_segment(needed)?
            }
        };
        let first = self.log.next();
        self.batch.begin(open.name.salt, first);
        for entry in entries {
            self.batch.push(entry);
        }
        let count = u64::from(self.batch.count());
        let bytes = self.batch.finish(at);
        if let Err(error) = write(&*self.log.files, &mut open, bytes) {
            self.abandon(&open);
            return Err(error);
        }
        open.end += bytes.len() as u64;
        let mut shelf = self.log.shelf();
        shelf.next = first + count;
        if let Some(segment) = shelf.segments.back_mut() {
            segment.end = open.end;
        }
        drop(shelf);
        self.current = Some(open);
        Ok(first..first + count)
    }

    /// Cuts off what was not confirmed, so that it is not read after a restart, as far as the disk still does anything.
    fn abandon(&self, open: &Open) {
        let is_empty = open.end == frame::MARK.len() as u64;
        if !is_empty {
            self.give_back(open);
        } else if self.log.files.remove(&open.name.to_string()).is_ok() {
            self.log.shelf().segments.retain(|segment| segment.name != open.name);
        }
    }

    /// Whether the next entry of so many bytes needs a new segment.
    #[must_use]
    pub fn needs_segment(&self, bytes: usize) -> bool {
        let needed = (frame::HEADER + frame::PREFIX + bytes) as u64 + frame::ALIGN;
        self.current.as_ref().is_none_or(|open| open.end + needed > open.size)
    }

    fn begin_segment(&mut self, needed: u64) -> io::Result<Open> {
        let first = self.log.next();
        let same = self.log.shelf().segments.back().map(|last| last.name);
        let attempt = same.filter(|last| last.first == first).map_or(0, |last| last.attempt + 1);
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let salt = RandomState::new().hash_one(first) as u32;
        let name = Name { first, attempt, salt };
        let size = self.segment_bytes.max(frame::MARK.len() as u64 + needed);
        let file = self.log.files.create(&name.to_string(), size)?;
        let end = frame::MARK.len() as u64;
        self.log.shelf().segments.push_back(Segment { name, end, size });
        let open = Open {
            name,
            file,
            end,
            size,
            named: false,
        };
        match open.file.write_at(&frame::MARK, 0) {
            Ok(()) => Ok(open),
            Err(error) => {
                self.abandon(&open);
                Err(error)
            }
        }
    }

    /// Gives back what was allocated and is not used. If that fails, it is taken until the segment is removed.
    fn give_back(&self, full: &Open) {
        if full.file.set_len(full.end).is_ok() {
            let mut shelf = self.log.shelf();
            if let Some(segment) = shelf.segments.iter_mut().find(|segment| segment.name == full.name) {
                segment.size = full.end;
            }
        }
    }
}

fn write(files: &dyn Files, open: &mut Open, bytes: &[u8]) -> io::Result<()> {
    open.file.write_at(bytes, open.end)?;
    open.file.sync()?;
    if !open.named {
        files.sync()?;
        open.named = true;
    }
    Ok(())
}

fn read_position(files: &dyn Files, oldest: u64, notes: &mut Vec<String>) -> Result<Position, OpenError> {
    let from_the_oldest = || Position {
        delivered: crate::delivered::Delivered::below(oldest),
        stored_to: oldest,
    };
    let file = match files.open(POSITION) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(from_the_oldest()),
        Err(error) => return Err(OpenError::reading(POSITION)(error)),
    };
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX).min(1 << 20)];
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
    // A damaged mark says nothing; the checksums of the batches do.
    if text == &frame::MARK[..7] && version > frame::MARK[7] {
        return Err(OpenError::later(name, version));
    }
    Ok(())
}

/// Where the log ends.
#[derive(Default)]
struct Tail {
    /// The number of the next entry.
    next: u64,
    unconfirmed: Vec<Vec<u8>>,
}

/// Finds where the newest segment ends that has a batch. Up to the number `stored_to` all is on the disk for certain.
fn find_tail(
    files: &dyn Files,
    segments: &mut VecDeque<Segment>,
    stored_to: u64,
    notes: &mut Vec<String>,
) -> Result<Tail, OpenError> {
    while let Some(segment) = segments.back_mut() {
        let name = segment.name;
        let text = name.to_string();
        let read = || scan_tail(files.open(&text)?, name, segment.size);
        let scanned = read().map_err(OpenError::reading(&text))?;
        let Some(last) = scanned.last else {
            if stored_to > name.first {
                // Whoever reads it reports what is lost.
                return Ok(Tail { next: stored_to, ..Tail::default() });
            }
            // It was begun, and nothing in it was confirmed: what comes before it is the end.
            set_aside(files, &text, scanned.torn, notes);
            segments.pop_back();
            continue;
        };
        let behind = last.first + u64::from(last.count);
        segment.end = scanned.end;
        if last.first < stored_to {
            return Ok(Tail { next: behind, ..Tail::default() });
        }
        if scanned.torn {
            notes.push(format!(
                "`{text}` ends with a write that was never confirmed; {} of its entries are whole and are kept",
                scanned.whole.len()
            ));
        }
        return Ok(Tail {
            next: last.first,
            unconfirmed: scanned.whole,
        });
    }
    Ok(Tail::default())
}

/// Puts a segment out of the way in which nothing was confirmed. If that fails, it is passed over the next time too.
fn set_aside(files: &dyn Files, name: &str, torn: bool, notes: &mut Vec<String>) {
    if !torn {
        let _ = files.remove(name);
        return;
    }
    let aside = format!("{name}.unconfirmed");
    if files.rename(name, &aside).is_ok() {
        notes.push(format!("nothing in `{name}` was confirmed; it is kept as `{aside}`"));
    }
}

#[derive(Default)]
struct Scanned {
    last: Option<Header>,
    end: u64,
    /// The entries of the last batch before the first damaged one.
    whole: Vec<Vec<u8>>,
    /// Whether there is anything but zeros behind these.
    torn: bool,
}

fn scan_tail(file: Arc<dyn File>, name: Name, size: u64) -> io::Result<Scanned> {
    let mut scanner = Scanner::new(file, name);
    let salt = scanner.salt();
    let mut scanned = Scanned::default();
    let mut expected = name.first;
    loop {
        match scanner.next(size, expected)? {
            Found::Batch { header, at, frames } => {
                expected = header.first + u64::from(header.count);
                scanned.end = (at + frame::HEADER as u64 + frames.len() as u64).next_multiple_of(frame::ALIGN);
                scanned.whole = frame::whole(header, salt, &frames);
                scanned.torn = scanned.whole.len() < header.count as usize;
                scanned.last = Some(header);
            }
            // A batch follows, so these bytes were confirmed once: whoever reads them reports them.
            Found::Damaged(_) => {}
            Found::End { torn, .. } => {
                scanned.torn |= torn;
                return Ok(scanned);
            }
        }
    }
}
