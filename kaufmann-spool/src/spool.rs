//! The spool: many threads append, one thread writes, one reads.

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
use crate::parked::{Lot, Parked};
use crate::scan::Damage;
use crate::snapshot::Snapshot;
use crate::ticket::{Promise, Ticket};

mod reader;
mod shared;
mod writer;

pub use reader::{Message, Reader};
pub(crate) use shared::Shared;

/// A durable queue. It is shared by reference or in an `Arc`; when it is dropped, what is in memory is written to the disk.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Names an entry that was read, until it is delivered or parked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Id {
    /// One that was read from memory, by its number there.
    Memory(u64),
    /// One that was read from the disk, by its number there.
    Stored(u64),
    /// One that was parked and released, by its number there.
    Parked(u64),
}

impl Spool {
    /// Opens a folder, or makes it. Reads the position and the newest segment only, whatever waits in the others.
    ///
    /// # Errors
    ///
    /// If another process has it, it cannot be written to, `fsync` fails in it, its files cannot be read, or a bound of the options
    /// leaves no space.
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

    /// The same on any [file layer](crate::files).
    ///
    /// # Errors
    ///
    /// As [`Spool::open`].
    pub fn open_on(files: Arc<dyn Files>, options: Options) -> Result<Self, OpenError> {
        options.check().map_err(OpenError::Options)?;
        check::try_out(&*files)?;
        let (log, mut opened) = Log::open(Arc::clone(&files))?;
        let lot = Lot::open(&*files, &options)?;
        let appender = log.appender(&options);
        let findings = check::look(&*files, &options, log.size());
        opened.notes.extend(check::warnings(&findings));
        let shared = Arc::new(Shared::new(log, files, options, opened, lot));
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

    /// Appends an entry, and waits until it is stored or delivered. Which one, the [`Promise`] says: with
    /// [`Mode::Always`](crate::Mode::Always) it is always [`Promise::Stored`].
    ///
    /// # Errors
    ///
    /// [`AppendError::SpoolFull`] if a bound is reached, or the disk fails, until `patience` is over; if the entry is too large, or the
    /// spool is closed.
    pub fn append(&self, entry: Entry, patience: Duration) -> Result<Promise, AppendError> {
        let begun = Instant::now();
        let ticket = self.shared.enqueue(entry, begun, patience)?;
        let left = patience.saturating_sub(begun.elapsed());
        ticket.wait(left.max(Duration::from_millis(1)))
    }

    /// Appends an entry without waiting. The ticket's future ends when the entry is stored or delivered.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`] with no patience: if memory is full, the entry is too large, or the spool is closed.
    pub fn offer(&self, entry: Entry) -> Result<Ticket, AppendError> {
        self.shared.enqueue(entry, Instant::now(), Duration::ZERO)
    }

    /// Waits until every entry that was appended before is stored or delivered. `false` if `patience` was over first.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        self.shared.flush(patience)
    }

    /// The reader. There is one at a time, so that entries come in order; `None` while there is another.
    #[must_use]
    pub fn reader(&self) -> Option<Reader> {
        Reader::of(&self.shared)
    }

    /// Reports whether entries can be delivered at present. While they cannot, new entries go to the disk at once, instead of
    /// after [`Options::spill_after`].
    pub fn set_away(&self, away: bool) {
        self.shared.set_away(away);
    }

    /// Reports that an entry is delivered, so that it does not come again. If it was on the disk, it may come again if the process
    /// dies within [`Options::position_interval`].
    pub fn delivered(&self, id: Id) {
        self.shared.delivered(id);
    }

    /// Parks an entry that cannot be delivered, and all that follow it with its topic and key. Entries that were read already are
    /// not held back. When this returns, it is on the disk, and its promise is [`Promise::Stored`].
    ///
    /// # Errors
    ///
    /// If the disk fails, or [`Options::max_parked`] is reached. Then nothing has changed, and the call can be made again.
    pub fn park(&self, id: Id, entry: &Entry, reason: &str) -> io::Result<()> {
        self.shared.park(id, entry, reason)
    }

    /// What is parked, the oldest first.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.shared.lot().groups()
    }

    /// Lets what is parked under this [id](Parked::id) be read again, before all else. `false` if nothing is. What is not delivered when
    /// the spool is closed is parked again.
    #[must_use]
    pub fn release(&self, id: u64) -> bool {
        self.shared.release(id)
    }

    /// Drops what is parked under this [id](Parked::id) for good. Returns how many entries that were.
    pub fn drop_parked(&self, id: u64) -> u64 {
        self.shared.drop_parked(id)
    }

    /// What it holds, in numbers.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// What keeps it from storing entries or saving the position, while it lasts: a fault of the disk, or a bound.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// The newest damages, at most 64; [`Snapshot::damages`] counts all.
    #[must_use]
    pub fn damages(&self) -> Vec<Damage> {
        self.shared.damages()
    }

    /// What was found when it was opened and is worth a line in the log: a cut tail, a damaged position, a network mount, a disk that
    /// is nearly full.
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
    /// Writes what is in memory and saves the position, unless the disk fails.
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread, and every caller that waits has an error.
            let _ = thread.join();
        }
    }
}
