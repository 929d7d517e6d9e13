//! The spool: many threads append, one thread writes to the disk, and one reads.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::check::{self, Finding};
use crate::entry::Entry;
use crate::error::{AppendError, OpenError};
use crate::files::Files;
use crate::files::disk::{Disk, DiskError};
use crate::log::Log;
use crate::options::Options;
use crate::parked::{Parked, ParkedLog};
use crate::scan::Damage;
use crate::snapshot::Snapshot;
use crate::ticket::{Promise, Ticket};

mod reader;
mod shared;
mod writer;

pub use reader::{Message, Reader};
pub(crate) use shared::Shared;

/// A durable queue. Share it by reference or in an `Arc`; when it is dropped, the entries in memory are written to the disk.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Identifies an entry that was read, until it is delivered or parked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Id {
    /// An entry read from memory, by its number there.
    Memory(u64),
    /// An entry read from the disk, by its number there.
    Stored(u64),
    /// An entry that was parked and released, by its number in the log of parked entries.
    Parked(u64),
}

impl Spool {
    /// Opens a folder; creates it if it does not exist. Reads only the position and the newest segment, however large the backlog is.
    ///
    /// # Errors
    ///
    /// If another process uses the folder, it cannot be written to, `fsync` fails in it, its files cannot be read, or a limit in the
    /// options leaves no space.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let disk = Disk::open(folder).map_err(|error| match error {
            DiskError::Taken => OpenError::Taken(folder.into()),
            DiskError::Io(what, source) => OpenError::Folder {
                what,
                folder: folder.into(),
                source,
            },
        })?;
        Self::open_on(Arc::new(disk), options)
    }

    /// Opens a spool on any [file layer](crate::files).
    ///
    /// # Errors
    ///
    /// As [`Spool::open`].
    pub fn open_on(files: Arc<dyn Files>, options: Options) -> Result<Self, OpenError> {
        options.check().map_err(OpenError::Options)?;
        check::try_out(&*files)?;
        let (log, mut opened) = Log::open(Arc::clone(&files))?;
        let parked = ParkedLog::open(&*files, &options)?;
        let appender = log.appender(&options);
        let findings = check::look(&*files, &options, log.size());
        opened.notes.extend(check::warnings(&findings));
        let shared = Arc::new(Shared::new(log, files, options, opened, parked));
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("kaufmann-spool".into())
            .spawn(move || own.write_all(appender))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Appends an entry, and waits until it is stored or delivered; the [`Promise`] is which. With
    /// [`Mode::Always`](crate::Mode::Always) it is always [`Promise::Stored`].
    ///
    /// # Errors
    ///
    /// [`AppendError::SpoolFull`] if a limit is reached, or the disk fails, for all of `patience`. Also if the entry is too large, or the
    /// spool is closed.
    pub fn append(&self, entry: Entry, patience: Duration) -> Result<Promise, AppendError> {
        let begun = Instant::now();
        let ticket = self.shared.enqueue(entry, begun, patience)?;
        let left = patience.saturating_sub(begun.elapsed());
        ticket.wait(left.max(Duration::from_millis(1)))
    }

    /// Appends an entry without waiting. The ticket's future resolves when the entry is stored or delivered.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`] with no patience: if memory is full, the entry is too large, or the spool is closed.
    pub fn offer(&self, entry: Entry) -> Result<Ticket, AppendError> {
        self.shared.enqueue(entry, Instant::now(), Duration::ZERO)
    }

    /// Waits until every entry appended so far is stored or delivered. Returns `false` if `patience` ends first.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        self.shared.flush(patience)
    }

    /// Returns the reader; `None` while there is another one. There is one at a time, so that entries are read in order.
    #[must_use]
    pub fn reader(&self) -> Option<Reader> {
        Reader::of(&self.shared)
    }

    /// Sets whether the consumer is away. While it is, new entries go to the disk at once, instead of after
    /// [`Options::spill_after`].
    pub fn set_away(&self, away: bool) {
        self.shared.set_away(away);
    }

    /// Marks an entry as delivered, so that it is not read again. If it was on the disk and the process dies within
    /// [`Options::position_interval`], it may still be read again.
    pub fn delivered(&self, id: Id) {
        self.shared.delivered(id);
    }

    /// Parks an entry that cannot be delivered, and all later ones with its topic and key that were not read yet. When this returns,
    /// the entry is on the disk, and its promise is [`Promise::Stored`].
    ///
    /// # Errors
    ///
    /// If the disk fails, or [`Options::max_parked`] is reached. Nothing has changed then, and the call can be repeated.
    pub fn park(&self, id: Id, entry: &Entry, reason: &str) -> io::Result<()> {
        self.shared.park(id, entry, reason)
    }

    /// The groups of parked entries, oldest first.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.shared.parked().groups()
    }

    /// Releases the group with this [id](Parked::id): its entries are read again, before all others. Returns `false` if there is no such
    /// group. Entries that are not delivered when the spool is closed are parked again.
    #[must_use]
    pub fn release(&self, id: u64) -> bool {
        self.shared.release(id)
    }

    /// Discards the parked group with this [id](Parked::id). Returns the number of its entries.
    pub fn drop_parked(&self, id: u64) -> u64 {
        self.shared.drop_parked(id)
    }

    /// The current counts and sizes.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Why the spool cannot store entries or save the position at the moment: a disk error, or a limit. `None` if it can.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// The latest damages, at most 64; [`Snapshot::damages`] counts all.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.shared.damages()
    }

    /// What should be logged after opening: an incomplete last write, a damaged position, a network mount, a nearly full disk.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.shared.notes()
    }

    /// Checks the folder, its file system and the free space now, without writing.
    #[must_use]
    pub fn check(&self) -> Vec<Finding> {
        self.shared.check()
    }
}

impl Drop for Spool {
    /// Writes the entries in memory and saves the position, unless the disk fails.
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by that thread, and every waiting caller got an error.
            let _ = thread.join();
        }
    }
}
