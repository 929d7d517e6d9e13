//! Reads a segment: its batches, and the damaged bytes between them.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::files::File;
use crate::frame::{self, Header};
use crate::log::Name;

/// How much is read at once while a batch is searched.
const CHUNK: usize = 64 << 10;
/// The smallest unit that a disk loses.
const PAGE: usize = 4 << 10;

/// Stored entries that cannot be read any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// The segment's file.
    pub segment: String,
    /// The damaged bytes in it; empty if the file is missing or ends too early.
    pub bytes: Range<u64>,
    /// The numbers of the entries that are lost.
    pub lost: Range<u64>,
    /// The file beside the segments that has the damaged bytes, if it could be written.
    pub kept_as: Option<String>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lost.end - self.lost.start;
        let Range { start, end } = self.bytes;
        write!(f, "{count} stored entries are lost: ")?;
        if start == end {
            write!(f, "`{}` is missing, or ends too early", self.segment)?;
        } else {
            write!(f, "the bytes {start} to {end} of `{}` are damaged", self.segment)?;
        }
        match &self.kept_as {
            Some(name) => write!(f, "; they are kept in `{name}`"),
            None => Ok(()),
        }
    }
}

/// The next item of a segment.
#[derive(Debug)]
pub(crate) enum Found {
    /// A batch with a valid header, and the bytes of its frames.
    Batch {
        header: Header,
        at: u64,
        frames: Vec<u8>,
    },
    /// Bytes that are not a batch, but are followed by one.
    Damaged(Range<u64>),
    /// The end. `torn`: there are bytes after the last batch that are not zeros.
    End { at: u64, torn: bool },
}

/// Reads through a segment.
#[derive(Debug)]
pub(crate) struct Scanner {
    file: Arc<dyn File>,
    salt: u32,
    at: u64,
    /// Whether pages that cannot be read count as zeros.
    lossy: bool,
}

impl Scanner {
    pub(crate) fn new(file: Arc<dyn File>, name: Name) -> Self {
        Self {
            file,
            salt: name.salt,
            at: frame::MARK.len() as u64,
            lossy: false,
        }
    }

    pub(crate) fn salt(&self) -> u32 {
        self.salt
    }

    /// Reads unreadable pages as zeros from now on: the last resort when a disk has bad blocks.
    pub(crate) fn skip_bad_pages(&mut self) {
        self.lossy = true;
    }

    /// Returns the next item before the offset `end`; batches with numbers below `expected` do not count. After an error the call can
    /// be repeated.
    pub(crate) fn next(&mut self, end: u64, expected: u64) -> io::Result<Found> {
        if let Some(header) = self.header(self.at, end, expected)? {
            return self.batch(header);
        }
        let (found, torn) = self.search(end, expected)?;
        match found {
            Some(at) => Ok(Found::Damaged(std::mem::replace(&mut self.at, at)..at)),
            None => Ok(Found::End { at: self.at, torn }),
        }
    }

    fn batch(&mut self, header: Header) -> io::Result<Found> {
        let at = self.at;
        let mut frames = vec![0; header.len as usize];
        self.read(&mut frames, at + frame::HEADER as u64)?;
        self.at = (at + frame::HEADER as u64 + u64::from(header.len)).next_multiple_of(frame::ALIGN);
        Ok(Found::Batch { header, at, frames })
    }

    /// The header at an offset, if it is that of a whole batch that follows what was read.
    fn header(&self, at: u64, end: u64, expected: u64) -> io::Result<Option<Header>> {
        let mut bytes = [0; frame::HEADER];
        let read = self.read(&mut bytes, at)?;
        Ok(self.fitting(&bytes[..read], at, end, expected))
    }

    fn fitting(&self, bytes: &[u8], at: u64, end: u64, expected: u64) -> Option<Header> {
        let header = Header::decode(bytes, self.salt)?;
        let after = at + frame::HEADER as u64 + u64::from(header.len);
        (after <= end && header.first >= expected).then_some(header)
    }

    /// The offset of the next batch after this position, and whether there are non-zero bytes before it (or before the end).
    fn search(&self, end: u64, expected: u64) -> io::Result<(Option<u64>, bool)> {
        let mut torn = false;
        let mut chunk = vec![0; CHUNK + frame::HEADER];
        let mut at = self.at;
        while at < end {
            let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(chunk.len());
            let read = self.read(&mut chunk[..len], at)?;
            let bytes = &chunk[..read];
            if bytes.iter().any(|byte| *byte != 0) {
                torn = true;
                let found = (0..read.min(CHUNK))
                    .step_by(frame::ALIGN as usize)
                    .find(|offset| {
                        self.fitting(&bytes[*offset..], at + *offset as u64, end, expected)
                            .is_some()
                    });
                if let Some(offset) = found {
                    return Ok((Some(at + offset as u64), true));
                }
            }
            if read < len {
                break;
            }
            at += CHUNK as u64;
        }
        Ok((None, torn))
    }

    /// Returns the error, unless another page of the file can be read: then the disk works, and only this page is bad.
    fn check_other_pages(&self, bad: u64, error: io::Error) -> io::Result<()> {
        let page = PAGE as u64;
        let other = if bad < page { page } else { 0 };
        match self.file.read_at(&mut [0; 1], other) {
            Ok(1) => Ok(()),
            _ => Err(error),
        }
    }

    fn read(&self, to: &mut [u8], at: u64) -> io::Result<usize> {
        if !self.lossy {
            return self.file.read_at(to, at);
        }
        let mut read = 0;
        for page in to.chunks_mut(PAGE) {
            match self.file.read_at(page, at + read as u64) {
                Ok(len) if len < page.len() => return Ok(read + len),
                Ok(_) => {}
                Err(error) => {
                    self.check_other_pages(at + read as u64, error)?;
                    page.fill(0);
                }
            }
            read += page.len();
        }
        Ok(read)
    }
}
