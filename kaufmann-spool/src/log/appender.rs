//! Writes batches to a log.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Log, Name, Segment};
use crate::entry::Encode;
use crate::files::{File, Files};
use crate::frame::{self, Batch};
use crate::options::Options;

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
    pub(super) fn new(log: Log, options: &Options) -> Self {
        Self {
            log,
            segment_bytes: options.segment_bytes,
            current: None,
            batch: Batch::default(),
        }
    }

    /// Stores entries, and returns their numbers. After an error none of them is stored, and they can be appended again.
    ///
    /// # Errors
    ///
    /// If a file cannot be made, written, or brought to the disk.
    pub fn append<'a, T: Encode + ?Sized + 'a>(
        &mut self,
        entries: impl Iterator<Item = &'a T> + Clone,
        at: u64,
    ) -> io::Result<Range<u64>> {
        let bytes: usize = entries.clone().map(Encode::encoded_len).sum();
        let needed = needed(entries.clone().count(), bytes);
        self.log.files.check()?;
        // Until it is confirmed, nothing more is written there.
        let mut open = match self.current.take() {
            // Somebody has removed it: what is written there can never be read.
            Some(open) if !open.file.is_there()? => self.begin_segment(needed)?,
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
            self.log
                .shelf()
                .segments
                .retain(|segment| segment.name != open.name);
        }
    }

    /// Whether a batch of so many entries and bytes needs a new segment.
    #[must_use]
    pub fn needs_segment(&self, entries: usize, bytes: usize) -> bool {
        let needed = needed(entries, bytes);
        self.current
            .as_ref()
            .is_none_or(|open| open.end + needed > open.size)
    }

    fn begin_segment(&mut self, needed: u64) -> io::Result<Open> {
        let first = self.log.next();
        let same = self.log.shelf().segments.back().map(|last| last.name);
        let attempt = same
            .filter(|last| last.first == first)
            .map_or(0, |last| last.attempt + 1);
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
            if let Some(segment) = shelf
                .segments
                .iter_mut()
                .find(|segment| segment.name == full.name)
            {
                segment.size = full.end;
            }
        }
    }
}

/// The bytes of a batch in its segment, at most.
fn needed(entries: usize, bytes: usize) -> u64 {
    (frame::HEADER + entries * frame::PREFIX + bytes) as u64 + frame::ALIGN
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
