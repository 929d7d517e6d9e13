//! Finds where a log ends when it is opened, and what of its last batch is not certain.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::{Name, Segment};
use crate::error::OpenError;
use crate::files::{File, Files};
use crate::frame::{self, Header};
use crate::scan::{Found, Scanner};

/// Where the log ends.
#[derive(Default)]
pub(super) struct Tail {
    /// The number of the next entry.
    pub(super) next: u64,
    pub(super) unconfirmed: Vec<Vec<u8>>,
}

/// Finds where the newest segment ends that has a batch. Up to the number `stored_to` all is on the disk for certain.
pub(super) fn find_tail(
    files: &dyn Files,
    segments: &mut VecDeque<Segment>,
    stored_to: u64,
    notes: &mut Vec<String>,
) -> Result<Tail, OpenError> {
    while let Some(segment) = segments.back_mut() {
        let name = segment.name;
        let text = name.to_string();
        let read = || scan_tail(files.open(&text)?, name, segment.size, u64::MAX);
        let scanned = read().map_err(OpenError::reading(&text))?;
        let Some(last) = scanned.last else {
            if stored_to > name.first {
                // The cursor reports what is lost.
                return Ok(Tail {
                    next: stored_to,
                    ..Tail::default()
                });
            }
            // It was begun, and nothing in it was confirmed: what comes before it is the end.
            set_aside(files, &text, scanned.torn, notes);
            segments.pop_back();
            continue;
        };
        let behind = last.first + u64::from(last.count);
        if behind < stored_to {
            // Entries behind these are missing: the cursor reports them, with the bytes that are there.
            return Ok(Tail {
                next: stored_to,
                ..Tail::default()
            });
        }
        segment.end = scanned.end;
        if last.first < stored_to {
            return Ok(Tail {
                next: behind,
                ..Tail::default()
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
        return Ok(Tail {
            next: last.first,
            unconfirmed,
        });
    }
    Ok(Tail::default())
}

/// The longest form of a torn batch, the first of its segment. If it was the unconfirmed batch of an earlier process, it was being
/// written again; the segment before has it too, whole if it was stored. Other batches there were given up.
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

/// Puts a segment out of the way in which nothing was confirmed. If that fails, it is passed over the next time too.
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
    /// Whether there is anything but zeros behind these.
    torn: bool,
}

/// Scans a segment up to the batch that begins with the number `last`. What follows that was given up.
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
