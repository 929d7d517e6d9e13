//! The journal of all instances: one file, to which each step of a handler is appended by one write.
//!
//! The kernel puts the writes of several processes one after another, and keeps them when a process is killed: the order of
//! the lines is the order of the steps.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

/// A step of a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It begins.
    Begun,
    /// Its work is done; what follows is its return.
    Done,
    /// It has refused the event.
    Refused,
}

/// A line of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What happened.
    pub step: Step,
    /// Which process says so; each start of a service is another one.
    pub incarnation: u32,
    /// The record's partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// The event's number.
    pub number: i64,
    /// The event's key.
    pub key: Arc<str>,
    /// Which attempt it is, as the context says.
    pub attempt: u32,
}

/// Appends to the journal.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens the journal, which other processes may have open, too.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(file.with_context(|| path.display().to_string())?))
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, entry: &Entry) -> std::io::Result<()> {
        (&self.0).write_all(entry.line().as_bytes())
    }

    /// All lines. One that is being written just now is left out.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Vec<Entry>> {
        let mut text = String::new();
        File::open(path)?.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(Entry::parse).collect()
    }
}

impl Entry {
    fn line(&self) -> String {
        let step = match self.step {
            Step::Begun => 'B',
            Step::Done => 'D',
            Step::Refused => 'R',
        };
        let Self {
            incarnation,
            partition,
            offset,
            number,
            key,
            attempt,
            ..
        } = self;
        format!("{step} {incarnation} {partition} {offset} {number} {key} {attempt}\n")
    }

    fn parse(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let &[step, incarnation, partition, offset, number, key, attempt] = words.as_slice() else {
            bail!("no line of a journal: `{line}`");
        };
        let step = match step {
            "B" => Step::Begun,
            "D" => Step::Done,
            "R" => Step::Refused,
            _ => bail!("no step of a handler: `{line}`"),
        };
        Ok(Self {
            step,
            incarnation: incarnation.parse()?,
            partition: partition.parse()?,
            offset: offset.parse()?,
            number: number.parse()?,
            key: key.into(),
            attempt: attempt.parse()?,
        })
    }
}
