//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why a folder cannot be used as a spool.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another spool of this one, has it.
    #[error("the folder `{}` is used by another process; give each process a folder of its own", .0.display())]
    Taken(PathBuf),
    /// It cannot be made, written, or locked.
    #[error("cannot {what} `{}`: {}", .folder.display(), remedy(.source.kind()))]
    Folder {
        /// What was tried.
        what: &'static str,
        /// Where.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The folder's file system does not bring data to the disk.
    #[error(
        "`fsync` fails in the spool's folder, so nothing could be stored safely; use a folder on a local disk"
    )]
    Sync(#[source] io::Error),
    /// A file that was written to try the folder out failed.
    #[error("cannot {what} a file in the spool's folder: {}", remedy(.source.kind()))]
    Probe {
        /// What was tried.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A file in it cannot be read.
    #[error("cannot read {file} of the spool; check the disk and the rights of the file")]
    Reading {
        /// The file.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// A file was written by a later version of this crate.
    #[error("`{file}` has form {version}, which this version does not know; use the version that wrote it")]
    Later {
        /// The file.
        file: String,
        /// Its form.
        version: u8,
    },
    /// A bound leaves no space for what it bounds.
    #[error("{0}")]
    Options(String),
    /// The thread that writes cannot be started.
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
            "the file system is read-only; mount it for writing, and look in the system's log for the reason"
        }
        ErrorKind::NotFound => "the folder is gone; mount or make it again",
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
        /// The bound.
        max: usize,
    },
    /// A bound was reached, or the disk failed, until the deadline. The entry is neither stored nor delivered, with one exception: if
    /// a write of it failed, could not be taken back, and the process dies, the next one may find it on the disk after all.
    #[error("the spool was full for {waited:?}: {reason}")]
    SpoolFull {
        /// How long the entry waited.
        waited: Duration,
        /// Which bound was reached, or the disk's error.
        reason: String,
    },
    /// The disk, or whoever delivers the entry, did not answer until the deadline. It may still be stored or delivered.
    #[error("no answer for {waited:?}; the entry may still be stored or delivered")]
    Unanswered {
        /// How long the entry waited.
        waited: Duration,
    },
    /// The spool is closed.
    #[error("the spool is closed")]
    Closed,
}
