//! A folder on a disk.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{File, FileSystem, Files};

/// The name of the file whose lock keeps other processes out.
const LOCK: &str = "lock";

/// A folder that no other process has opened in this way.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    opened: Mutex<Opened>,
}

#[derive(Debug)]
struct Opened {
    folder: fs::File,
    /// Its device and inode, which no other folder has as long as `folder` is open.
    identity: (u64, u64),
    /// Locked until it is dropped; the system unlocks it when the process ends, however it ends.
    _lock: Option<fs::File>,
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub enum DiskError {
    /// It cannot be created, opened, or written to.
    Io(&'static str, io::Error),
    /// Another process, or another spool in this one, uses it.
    Taken,
}

impl Disk {
    /// Opens a folder; creates it, readable by its owner only, if it does not exist.
    ///
    /// # Errors
    ///
    /// If it cannot be used, or is in use.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        create_folder(path).map_err(|error| DiskError::Io("create the folder", error))?;
        Ok(Self {
            path: path.into(),
            opened: Mutex::new(open_and_lock(path)?),
        })
    }

    /// Opens an existing folder without its lock, only to inspect it.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(crate) fn look(path: &Path) -> io::Result<Self> {
        let folder = fs::File::open(path)?;
        Ok(Self {
            path: path.into(),
            opened: Mutex::new(Opened {
                identity: identity(&folder.metadata()?),
                folder,
                _lock: None,
            }),
        })
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces a deleted folder with the one that is at the path now.
    fn open_again(&self, opened: &mut Opened) -> io::Result<()> {
        if opened.folder.metadata()?.nlink() > 0 {
            let text = "another folder is at the path of the spool's folder; mount or move the original back, or restart the service";
            return Err(io::Error::new(ErrorKind::NotFound, text));
        }
        create_folder(&self.path)?;
        *opened = open_and_lock(&self.path).map_err(|error| match error {
            DiskError::Io(_, error) => error,
            DiskError::Taken => ErrorKind::WouldBlock.into(),
        })?;
        Ok(())
    }
}

fn open_and_lock(path: &Path) -> Result<Opened, DiskError> {
    let opened = || -> io::Result<_> {
        let folder = fs::File::open(path)?;
        let identity = identity(&folder.metadata()?);
        Ok((folder, identity))
    };
    let (folder, identity) = opened().map_err(|error| DiskError::Io("open the folder", error))?;
    let lock = fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK))
        .map_err(|error| DiskError::Io("write in the folder", error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Opened {
            folder,
            identity,
            _lock: Some(lock),
        }),
        Err(fs::TryLockError::WouldBlock) => Err(DiskError::Taken),
        Err(fs::TryLockError::Error(error)) => Err(DiskError::Io("lock the folder", error)),
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn create_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // Its own name must survive a power cut too.
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
            // It is empty; the caller tries again later.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let path = self.path.join(name);
        Ok(Arc::new(fs::File::open(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.opened().folder.sync_all()
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        let folder = Self::open(&self.path.join(name)).map_err(|error| match error {
            DiskError::Io(_, error) => error,
            DiskError::Taken => ErrorKind::WouldBlock.into(),
        })?;
        Ok(Arc::new(folder))
    }

    fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::fstatvfs(&self.opened().folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn check(&self) -> io::Result<()> {
        let found = match fs::metadata(&self.path) {
            Ok(metadata) => Some(identity(&metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut opened = self.opened();
        if found == Some(opened.identity) {
            return Ok(());
        }
        if found.is_none() && opened.folder.metadata()?.nlink() > 0 {
            let text = "the spool's folder is no longer at its path; mount or move it back";
            return Err(io::Error::new(ErrorKind::NotFound, text));
        }
        self.open_again(&mut opened)
    }

    fn kind(&self) -> io::Result<FileSystem> {
        #[cfg(target_os = "linux")]
        {
            let found = rustix::fs::fstatfs(&self.opened().folder)?;
            // 32 bits on every file system; some platforms extend the sign.
            #[expect(clippy::cast_sign_loss, reason = "a number to compare, not to count with")]
            return Ok(kind_of(found.f_type as u64 & 0xFFFF_FFFF));
        }
        #[cfg(not(target_os = "linux"))]
        Ok(FileSystem::Unknown(0))
    }
}

/// The file system with this magic number, of `statfs(2)`.
#[cfg(target_os = "linux")]
fn kind_of(magic: u64) -> FileSystem {
    use FileSystem::{Container, Local, Memory, Network, Unknown};
    match magic {
        0xEF53 => Local("ext4"),
        0x5846_5342 => Local("xfs"),
        0x9123_683E => Local("btrfs"),
        0x2FC1_2FC1 => Local("zfs"),
        0xF2F5_2010 => Local("f2fs"),
        0x6969 => Network("nfs"),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => Network("smb"),
        0x5346_414F | 0x6B41_4653 => Network("afs"),
        0x00C3_6400 => Network("ceph"),
        0x0102_1997 => Network("9p"),
        0x0BD0_0BD0 => Network("lustre"),
        0x4750_4653 => Network("gpfs"),
        0x6573_5546 => Network("fuse"),
        0x0102_1994 => Memory("tmpfs"),
        0x8584_58F6 => Memory("ramfs"),
        0x794C_7630 => Container("overlayfs"),
        other => Unknown(other),
    }
}

/// Allocates the blocks now, so that a full disk is noticed before an entry is half written.
fn allocate(file: &fs::File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Ok(()) => return Ok(()),
            // Some file systems cannot do this; writing zeros allocates the blocks too.
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

    fn exists(&self) -> io::Result<bool> {
        Ok(self.metadata()?.nlink() > 0)
    }
}
