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
    #[error("the folder `{}` is used by another process; give each one a folder of its own", .0.display())]
    Taken(PathBuf),
    /// It cannot be made, written, or locked.
    #[error("cannot {what} `{}`; check that the user of this process may write there", .folder.display())]
    Folder {
        /// What was tried.
        what: &'static str,
        /// Where.
        folder: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A file in it cannot be read.
    #[error("cannot read {file} of the spool")]
    Reading {
        /// The file.
        file: String,
        /// What the system answered.
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
    /// A bound leaves no room for what it bounds.
    #[error("{0}")]
    Options(String),
    /// The thread that writes cannot be started.
    #[error("the spool's thread cannot be started")]
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

/// Why an entry is not stored.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is larger than [`Options::max_entry`](crate::Options::max_entry).
    #[error("the entry has {size} bytes; at most {max} are stored")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The bound.
        max: usize,
    },
    /// There was no room within the time.
    #[error("there was no room in the spool for {waited:?}: {reason}")]
    Full {
        /// How long the entry waited.
        waited: Duration,
        /// Which bound was reached, or what the disk says.
        reason: String,
    },
    /// The disk has not answered within the time. The entry may be stored nevertheless.
    #[error("the disk has not answered for {waited:?}; the entry may be stored nevertheless")]
    Unanswered {
        /// How long the entry waited.
        waited: Duration,
    },
    /// The spool is closed.
    #[error("the spool is closed")]
    Closed,
}
