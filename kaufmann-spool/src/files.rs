//! The file layer: all that the spool asks of a folder. [`disk`] is the real one; tests put one in its place that fails.

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

    /// How many bytes are free for us.
    ///
    /// # Errors
    ///
    /// If the file system does not answer.
    fn free(&self) -> io::Result<u64>;
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
}
