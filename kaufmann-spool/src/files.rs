//! The file layer: every call that the spool makes to a folder. [`disk`] is the real one; tests use one whose calls fail.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub mod disk;
#[cfg(feature = "testing")]
pub mod model;

/// A folder.
///
/// A file that was created or renamed is there after a crash only if [`Files::sync`] succeeded since.
pub trait Files: Debug + Send + Sync + 'static {
    /// The names of the files in it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a file and allocates so many bytes of zeros.
    ///
    /// # Errors
    ///
    /// If there is no room, or a file of that name is there already.
    fn create(&self, name: &str, size: u64) -> io::Result<Arc<dyn File>>;

    /// Opens a file that is there.
    ///
    /// # Errors
    ///
    /// If it is not there or cannot be opened.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name, replacing one that has it.
    ///
    /// # Errors
    ///
    /// If that fails; then the old file is still there.
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

    /// A folder within this one. It is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made or opened.
    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>>;

    /// How many bytes are free for this process.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn free(&self) -> io::Result<u64>;

    /// Checks that the folder is still where it was opened. If it was removed for good, it is made again, empty.
    ///
    /// # Errors
    ///
    /// If it is not there, or another folder has its path.
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
    /// A server in the network: locks and `fsync` depend on it.
    Network(&'static str),
    /// Memory: a reboot loses what is stored.
    Memory(&'static str),
    /// A container's own layer: lost with the container.
    Container(&'static str),
    /// Another type, by its number; 0 if the system does not tell.
    Unknown(u64),
}

/// A file.
pub trait File: Debug + Send + Sync {
    /// Reads at an offset, as much as there is, at most `to.len()` bytes. Returns how many.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    ///
    /// If that fails; some of them may be there then.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Waits until what was written is on the disk. After a failure nobody knows what is there.
    ///
    /// # Errors
    ///
    /// If that is not certain.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file off, or extends it with zeros.
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
    fn is_there(&self) -> io::Result<bool>;
}
