//! Finds the end of a log when it is opened, and the entries of its last batch that are not certainly on the disk.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::{Name, Segment};
use crate::error::OpenError;
use crate::files::{File, Files};
use crate::frame::{self, Header};
use crate::scan::{Found, Scanner};

/// The end of a log.
#[derive(Default)]
pub(super) struct End {
    /// The number of the next entry.
    pub(super) next: u64,
    pub(super) unconfirmed: Vec<Vec<u8>>,
}

/// Finds the end of the newest segment that has a batch. All entries below the number `stored_to` are certainly on the disk.
pub(super) fn find_end(
    files: &dyn Files,
    segments: &mut VecDeque<Segment>,
    stored_to: u64,
    notes: &mut Vec<String>,
) -> Result<End, OpenError> {
    while let Some(segment) = segments.back_mut() {
        let name = segment.name;
        let text = name.to_string();
        let read = || scan_tail(files.open(&text)?, name, segment.size, u64::MAX);
        let scanned = read().map_err(OpenError::reading(&text))?;
        let Some(last) = scanned.last else {
            if stored_to > name.first {
                // The cursor reports what is lost.
                return Ok(End {
                    next: stored_to,
                    ..End::default()
                });
            }
            // Nothing in this segment was confirmed: the log ends before it.
            set_aside(files, &text, scanned.torn, notes);
            segments.pop_back();
            continue;
        };
        let after = last.first + u64::from(last.count);
        if after < stored_to {
            // The entries after these are missing: the cursor reports them, with the bytes that are there.
            return Ok(End {
                next: stored_to,
                ..End::default()
            });
        }
        segment.end = scanned.end;
        if last.first < stored_to {
            return Ok(End {
                next: after,
                ..End::default()
            });
        }
        let mut unconfirmed = scanned.whole;
        let is_torn = unconfirmed.len() < last.count as usize;
        if is_torn && last.first == name.first {
            let before = segments.iter().rev().skip(1);
            unconfirmed = written_before(files, before, name.first, unconfirmed)?;
        }
        if scanned.torn {
            notes.push(format!(
                "`{text}` ends with a write that was never confirmed; {} of its entries are whole and are kept",
                unconfirmed.len()
            ));
        }
        return Ok(End {
            next: last.first,
            unconfirmed,
        });
    }
    Ok(End::default())
}

/// The longest form of a torn batch that is the first of its segment. If it was the unconfirmed batch of an earlier process, it was being
/// written again; the segment before has it too, whole if it was stored. Other batches there were abandoned.
fn written_before<'a>(
    files: &dyn Files,
    before: impl Iterator<Item = &'a Segment>,
    first: u64,
    mut longest: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, OpenError> {
    for segment in before {
        let text = segment.name.to_string();
        let read = || scan_tail(files.open(&text)?, segment.name, segment.size, first);
        let scanned = read().map_err(OpenError::reading(&text))?;
        match scanned.last {
            Some(last) if last.first != first => break,
            Some(_) if scanned.whole.starts_with(&longest) => longest = scanned.whole,
            _ => {}
        }
    }
    Ok(longest)
}

/// Renames a segment in which nothing was confirmed, so that it is not read. If that fails, it is skipped the next time too.
fn set_aside(files: &dyn Files, name: &str, torn: bool, notes: &mut Vec<String>) {
    if !torn {
        let _ = files.remove(name);
        return;
    }
    let aside = format!("{name}.unconfirmed");
    if files.rename(name, &aside).is_ok() {
        notes.push(format!(
            "nothing in `{name}` was confirmed; it is kept as `{aside}`"
        ));
    }
}

#[derive(Default)]
struct Scanned {
    last: Option<Header>,
    end: u64,
    /// The entries of the last batch before the first damaged one.
    whole: Vec<Vec<u8>>,
    /// Whether there is anything but zeros after these.
    torn: bool,
}

/// Scans a segment up to the batch that begins with the number `last`. What follows that was abandoned.
fn scan_tail(file: Arc<dyn File>, name: Name, size: u64, last: u64) -> io::Result<Scanned> {
    let mut scanner = Scanner::new(file, name);
    let salt = scanner.salt();
    let mut scanned = Scanned::default();
    let mut expected = name.first;
    loop {
        match scanner.next(size, expected)? {
            Found::Batch { header, .. } if header.first > last => return Ok(scanned),
            Found::Batch { header, at, frames } => {
                expected = header.first + u64::from(header.count);
                scanned.end =
                    (at + frame::HEADER as u64 + frames.len() as u64).next_multiple_of(frame::ALIGN);
                scanned.whole = frame::whole(header, salt, &frames);
                scanned.torn = scanned.whole.len() < header.count as usize;
                scanned.last = Some(header);
            }
            // A batch follows, so these bytes were confirmed once: the cursor reports them.
            Found::Damaged(_) => {}
            Found::End { torn, .. } => {
                scanned.torn |= torn;
                return Ok(scanned);
            }
        }
    }
}
