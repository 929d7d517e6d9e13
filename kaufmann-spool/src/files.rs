//! The file layer: every call that the spool makes to a folder. [`disk`] is the real one; tests use one whose calls can fail.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub mod disk;
#[cfg(feature = "testing")]
pub mod model;

/// A folder.
///
/// A file that was created or renamed certainly exists after a crash only if [`Files::sync`] succeeded since.
pub trait Files: Debug + Send + Sync + 'static {
    /// The names of the files in it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates a file of `size` zero bytes, which are allocated.
    ///
    /// # Errors
    ///
    /// If there is no space, or a file of that name exists.
    fn create(&self, name: &str, size: u64) -> io::Result<Arc<dyn File>>;

    /// Opens an existing file.
    ///
    /// # Errors
    ///
    /// If it does not exist or cannot be opened.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Renames a file, and replaces one that has the new name.
    ///
    /// # Errors
    ///
    /// If that fails; the old file still exists then.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If that fails.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Waits until created, renamed and removed names are on the disk.
    ///
    /// # Errors
    ///
    /// If that is not certain.
    fn sync(&self) -> io::Result<()>;

    /// Opens a folder within this one; creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// If it cannot be created or opened.
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>>;

    /// How many bytes are free for this process.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn free(&self) -> io::Result<u64>;

    /// Checks that the folder is still at its path. If it was deleted, it is created again, empty.
    ///
    /// # Errors
    ///
    /// If it was moved away, or another folder is at its path.
    fn check(&self) -> io::Result<()>;

    /// The type of the file system.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn kind(&self) -> io::Result<FileSystem>;
}

/// What a type of file system means for what is stored on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileSystem {
    /// A local disk.
    Local(&'static str),
    /// A network server: locks and `fsync` depend on it.
    Network(&'static str),
    /// Memory: a reboot loses what is stored.
    Memory(&'static str),
    /// A container's own layer: lost with the container.
    Container(&'static str),
    /// Another type, by its number; 0 if the system does not report it.
    Unknown(u64),
}

/// A file.
pub trait File: Debug + Send + Sync {
    /// Reads up to `to.len()` bytes at an offset. Returns how many were read; fewer only at the end of the file.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    ///
    /// If that fails; some of them may have been written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Waits until what was written is on the disk. After a failure, what is on the disk is unknown.
    ///
    /// # Errors
    ///
    /// If that is not certain.
    fn sync(&self) -> io::Result<()>;

    /// Truncates the file, or extends it with zeros.
    ///
    /// # Errors
    ///
    /// If that fails.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn size(&self) -> io::Result<u64>;

    /// Whether it still has a name, so that it can be opened again.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn exists(&self) -> io::Result<bool>;
}
