//! The errors.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why a folder cannot be used as a spool.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another spool in this one, uses it.
    #[error("the folder `{}` is used by another process; give each process its own folder", .0.display())]
    Taken(PathBuf),
    /// It cannot be created, written, or locked.
    #[error("cannot {what} `{}`: {}", .folder.display(), remedy(.source.kind()))]
    Folder {
        /// What was tried.
        what: &'static str,
        /// Where.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// `fsync` fails on the folder's file system.
    #[error(
        "`fsync` fails in the spool's folder, so entries cannot be stored safely; use a folder on a local disk"
    )]
    Sync(#[source] io::Error),
    /// The test file could not be written or removed.
    #[error("cannot {what} a file in the spool's folder: {}", remedy(.source.kind()))]
    Probe {
        /// What was tried.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A file in it cannot be read.
    #[error("cannot read {file} of the spool; check the disk and the file's permissions")]
    Reading {
        /// The file.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// A file was written by a later version of this crate.
    #[error(
        "`{file}` has version {version}, which this program does not know; use the version that wrote it"
    )]
    Later {
        /// The file.
        file: String,
        /// Its version.
        version: u8,
    },
    /// A limit in the options cannot work.
    #[error("{0}")]
    Options(String),
    /// The writer's thread cannot be started.
    #[error("the spool's thread cannot be started; check the limit on threads (`ulimit -u`)")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn reading(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        |source| Self::Reading { file, source }
    }

    pub(crate) fn later(file: &str, version: u8) -> Self {
        Self::Later {
            file: file.to_owned(),
            version,
        }
    }
}

/// How to fix an error of the file system.
pub(crate) fn remedy(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind;
    match kind {
        ErrorKind::PermissionDenied => "give this process's user the right to write there",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space on this file system",
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; mount it for writing, and check the system's log for the reason"
        }
        ErrorKind::NotFound => "the folder does not exist; mount or create it again",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "a file is in the way; choose another folder",
        _ => "check the disk",
    }
}

/// Why an entry was not accepted.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It is larger than [`Options::max_entry`](crate::Options::max_entry).
    #[error("the entry has {size} bytes; `max_entry` is {max}")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// A limit was reached, or the disk failed, until the deadline. The entry is neither stored nor delivered, with one exception: if
    /// a write of it failed and could not be undone, and the process dies, the next one may still find it on the disk.
    #[error("the spool was full for {waited:?}: {reason}")]
    SpoolFull {
        /// How long the entry waited.
        waited: Duration,
        /// Which limit was reached, or the disk's error.
        reason: String,
    },
    /// Neither the disk nor the consumer answered before the deadline. The entry may still be stored or delivered.
    #[error("no answer for {waited:?}; the entry may still be stored or delivered")]
    Unanswered {
        /// How long the entry waited.
        waited: Duration,
    },
    /// The spool is closed.
    #[error("the spool is closed")]
    Closed,
}
