//! A folder on a disk.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{File, Files};

/// The name of the file whose lock keeps other processes out.
const LOCK: &str = "lock";

/// A folder that no other process has opened so.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    folder: fs::File,
    /// Locked as long as this lives; the system unlocks it when the process ends, however it ends.
    _lock: fs::File,
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub enum DiskError {
    /// It cannot be made, opened, or written to.
    Io(&'static str, io::Error),
    /// Another process, or another spool of this one, has it.
    Taken,
}

impl Disk {
    /// Opens a folder, and makes it if it is not there. Only its owner may read it.
    ///
    /// # Errors
    ///
    /// If it cannot be used, or is in use.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        make(path).map_err(|error| DiskError::Io("make the folder", error))?;
        let folder = fs::File::open(path).map_err(|error| DiskError::Io("open the folder", error))?;
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(|error| DiskError::Io("write in the folder", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.into(),
                folder,
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(DiskError::Taken),
            Err(fs::TryLockError::Error(error)) => Err(DiskError::Io("lock the folder", error)),
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Its own name must survive a power cut as well.
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

impl Files for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && name != LOCK
                && entry.file_type()?.is_file()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str, size: u64) -> io::Result<Arc<dyn File>> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.path.join(name);
        let file = fs::File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let allocated = allocate(&file, size).and_then(|()| file.sync_all());
        if let Err(error) = allocated {
            // It is empty; the caller tries another time.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let path = self.path.join(name);
        let file = fs::File::options().read(true).write(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        let folder = Self::open(&self.path.join(name)).map_err(|error| match error {
            DiskError::Io(_, error) => error,
            DiskError::Taken => ErrorKind::WouldBlock.into(),
        })?;
        Ok(Arc::new(folder))
    }

    fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// Takes the blocks now, so that a full disk is found before an entry is half written.
fn allocate(file: &fs::File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Ok(()) => return Ok(()),
            // Some file systems cannot; zeros take the blocks there too.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let zeros = vec![0; 64 << 10];
    let mut at = 0;
    while at < size {
        let len = usize::try_from(size - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(&zeros[..len], at)?;
        at += len as u64;
    }
    Ok(())
}

impl File for fs::File {
    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < to.len() {
            match FileExt::read_at(self, &mut to[read..], at + read as u64) {
                Ok(0) => break,
                Ok(len) => read += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
