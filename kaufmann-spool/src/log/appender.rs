//! Appends batches to a log.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Log, Name, Segment};
use crate::entry::Encode;
use crate::files::{File, Files};
use crate::frame::{self, Batch};
use crate::options::Options;

/// Appends batches, one after another.
#[derive(Debug)]
pub struct Appender {
    log: Log,
    segment_bytes: u64,
    /// The segment that is written to. `None` at the start and after a failed write, which leaves unknown bytes behind.
    current: Option<Open>,
    batch: Batch,
}

#[derive(Debug)]
struct Open {
    name: Name,
    file: Arc<dyn File>,
    end: u64,
    size: u64,
    /// Whether its name is certainly on the disk.
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

    /// Stores entries and returns their numbers. After an error none of them is stored, and they can be appended again.
    ///
    /// # Errors
    ///
    /// If a file cannot be created, written, or synced.
    pub fn append<'a, T: Encode + ?Sized + 'a>(
        &mut self,
        entries: impl Iterator<Item = &'a T> + Clone,
        at: u64,
    ) -> io::Result<Range<u64>> {
        let bytes: usize = entries.clone().map(Encode::encoded_len).sum();
        let needed = needed(entries.clone().count(), bytes);
        self.log.files.check()?;
        // Put back only after the write is confirmed: nothing follows an unconfirmed write in its segment.
        let mut open = match self.current.take() {
            // Its file was removed from outside, so what is written to it could never be read.
            Some(open) if !open.file.exists()? => self.begin_segment(needed)?,
            Some(open) if open.end + needed <= open.size => open,
            full => {
                if let Some(full) = full {
                    self.free_unused(&full);
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
        let mut index = self.log.index();
        index.next = first + count;
        if let Some(segment) = index.segments.back_mut() {
            segment.end = open.end;
        }
        drop(index);
        self.current = Some(open);
        Ok(first..first + count)
    }

    /// Cuts off what was not confirmed, so that it is not read after a restart. Errors are ignored: the disk may be failing.
    fn abandon(&self, open: &Open) {
        let is_empty = open.end == frame::MARK.len() as u64;
        if !is_empty {
            self.free_unused(open);
        } else if self.log.files.remove(&open.name.to_string()).is_ok() {
            self.log
                .index()
                .segments
                .retain(|segment| segment.name != open.name);
        }
    }

    /// Whether a batch with this many entries and bytes needs a new segment.
    #[must_use]
    pub fn needs_segment(&self, entries: usize, bytes: usize) -> bool {
        let needed = needed(entries, bytes);
        self.current
            .as_ref()
            .is_none_or(|open| open.end + needed > open.size)
    }

    fn begin_segment(&mut self, needed: u64) -> io::Result<Open> {
        let first = self.log.next();
        let same = self.log.index().segments.back().map(|last| last.name);
        let attempt = same
            .filter(|last| last.first == first)
            .map_or(0, |last| last.attempt + 1);
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let salt = RandomState::new().hash_one(first) as u32;
        let name = Name { first, attempt, salt };
        let size = self.segment_bytes.max(frame::MARK.len() as u64 + needed);
        let file = self.log.files.create(&name.to_string(), size)?;
        let end = frame::MARK.len() as u64;
        self.log.index().segments.push_back(Segment { name, end, size });
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

    /// Frees the allocated bytes that are not used. If that fails, they stay allocated until the segment is removed.
    fn free_unused(&self, full: &Open) {
        if full.file.set_len(full.end).is_ok() {
            let mut index = self.log.index();
            if let Some(segment) = index
                .segments
                .iter_mut()
                .find(|segment| segment.name == full.name)
            {
                segment.size = full.end;
            }
        }
    }
}

/// The most bytes that a batch takes in its segment.
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
