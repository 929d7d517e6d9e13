//! The lock's file: finds, reads and writes it.

use std::fs;
use std::io;
use std::path::PathBuf;

use kaufmann_avro::lock::{FILE_NAME, Lock};

use crate::base::error::{Error, ErrorKind};

/// The file of the lock.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct LockFile {
    path: PathBuf,
    /// Whether the path was given on the command line.
    named: bool,
}

impl LockFile {
    /// The named file; else the one beside the manifest, if cargo runs this program; else the one in the current folder.
    pub(super) fn find(named: Option<PathBuf>) -> Self {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        Self::choose(named, manifest)
    }

    fn choose(named: Option<PathBuf>, manifest: Option<PathBuf>) -> Self {
        Self {
            named: named.is_some(),
            path: named.unwrap_or_else(|| manifest.unwrap_or_default().join(FILE_NAME)),
        }
    }

    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The lock; if no file was named and there is none, the one from the build. An error if there is neither.
    pub(super) fn read_or(&self, built_in: Option<Lock>) -> Result<Lock, Error> {
        match self.read_if_any()?.or(built_in.filter(|_| !self.named)) {
            Some(lock) => Ok(lock),
            None => Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "there is no lock at {}; `schema pull` and `schema register` create it from the registry; --lock names \
                     another file",
                    self.shown()
                ),
            )),
        }
    }

    /// The lock, if there is one.
    pub(super) fn read_if_any(&self) -> Result<Option<Lock>, Error> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let text = format!("the lock {} cannot be read", self.shown());
                return Err(Error::new(ErrorKind::Usage, text).caused_by(error));
            }
        };
        let lock = Lock::parse(&text)
            .map_err(|error| Error::new(ErrorKind::Usage, format!("{}:{error}", self.shown())))?;
        Ok(Some(lock))
    }

    /// Writes the lock, unless the file has this content already. A concurrent reader sees the old lock or the new one.
    pub(super) fn write(&self, lock: &Lock) -> Result<(), Error> {
        let text = lock.to_string();
        if fs::read_to_string(&self.path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let beside = self.beside();
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.path));
        written.map_err(|error| {
            _ = fs::remove_file(&beside);
            self.unwritable(error)
        })
    }

    /// Checks that the lock could be written, before a step that cannot be undone.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        let beside = self.beside();
        let tried = fs::write(&beside, "").and_then(|()| fs::remove_file(&beside));
        tried.map_err(|error| self.unwritable(error))
    }

    fn beside(&self) -> PathBuf {
        self.path.with_extension(format!("lock.{}", std::process::id()))
    }

    fn unwritable(&self, error: io::Error) -> Error {
        let text = format!(
            "the lock {} cannot be written; its folder must exist and be writable",
            self.shown()
        );
        Error::new(ErrorKind::Start, text).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_the_named_file_else_beside_the_manifest_else_in_the_current_folder() {
        let choose = |named: Option<&str>, manifest: Option<&str>| {
            LockFile::choose(named.map(Into::into), manifest.map(Into::into)).shown()
        };
        assert_eq!(choose(Some("a/b.lock"), Some("/m")), "a/b.lock");
        assert_eq!(choose(None, Some("/m")), "/m/schemas.lock");
        assert_eq!(choose(None, None), "schemas.lock");
    }

    #[test]
    fn the_error_of_a_missing_lock_says_how_to_get_one_and_that_of_a_damaged_one_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let file = LockFile::find(Some(folder.path().join("schemas.lock")));
        assert_eq!(file.read_if_any().unwrap(), None);
        let text = file.read_or(Some(Lock::default())).unwrap_err().to_string();
        assert!(
            text.contains("`schema pull` and `schema register` create it"),
            "{text}"
        );
        fs::write(&file.path, "format = 1\nevents = 2").unwrap();
        let text = file.read_or(Some(Lock::default())).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}:2:1: ", file.shown())), "{text}");
    }

    #[test]
    fn without_a_file_the_lock_of_the_build_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = LockFile::choose(None, Some(folder.path().to_owned()));
        assert_eq!(file.read_or(Some(Lock::default())).unwrap(), Lock::default());
        file.read_or(None).unwrap_err();
    }

    #[test]
    fn checking_that_the_lock_is_writable_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = LockFile::find(Some(folder.path().join("schemas.lock")));
        file.write(&Lock::default()).unwrap();
        file.check_writable().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(file.read_if_any().unwrap(), Some(Lock::default()));
        let nowhere = LockFile::find(Some(folder.path().join("missing/schemas.lock")));
        let text = nowhere.check_writable().unwrap_err().to_string();
        assert!(
            text.contains("cannot be written; its folder must exist"),
            "{text}"
        );
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = LockFile::find(Some(folder.path().join("schemas.lock")));
        file.write(&Lock::default()).unwrap();
        assert_eq!(file.read_if_any().unwrap(), Some(Lock::default()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
