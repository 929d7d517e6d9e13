//! The note of a running `dev`: a file by which `--dev` of other commands finds it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;
use crate::cli::output::print_error;
use crate::config::{Config, RegistryConfig};
use crate::handler::Service;
use crate::kafka::is_security;
use crate::kafka::mock::MockBroker;

/// The addresses of a running `dev`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pid: u32,
    folder: PathBuf,
    brokers: Vec<String>,
    registry: String,
    topics: Vec<String>,
}

/// The note, which is removed when it is dropped.
pub(super) struct Note {
    path: PathBuf,
    pid: u32,
}

/// If `dev` is set, changes the configuration to use the `dev` of this service that runs in this folder.
pub(super) fn point_to_dev<V: Service>(config: &mut Config, dev: bool) -> Result<(), Error> {
    if dev {
        Running::find::<V>()?.apply(config);
    }
    Ok(())
}

/// Removes the security settings, which the embedded broker does not support.
pub(super) fn without_security(config: &mut Config) {
    config.kafka.retain(|name, _| !is_security(name));
}

impl Running {
    /// Writes the note, unless another `dev` of the service has one in this folder. If that fails, only `--dev` of other commands
    /// does not work.
    pub(super) fn announce<V: Service>(config: &Config) -> Option<Note> {
        let folder = std::env::current_dir().ok()?;
        let running = Self {
            pid: std::process::id(),
            brokers: config.brokers.clone(),
            registry: config.registry.url.first()?.clone(),
            topics: config.topics.clone(),
            folder: folder.clone(),
        };
        let path = path(&notes(), &folder, V::NAME);
        match running.claim(&path) {
            Ok(None) => Some(Note {
                path,
                pid: running.pid,
            }),
            Ok(Some(other)) => {
                print_error(&format_args!(
                    "warning: a `dev` of {} already runs in {} (process {}); `publish --dev` uses that one",
                    V::NAME,
                    folder.display(),
                    other.pid
                ));
                None
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "`publish --dev` will not find this service");
                None
            }
        }
    }

    /// The `dev` of this service that runs in this folder.
    fn find<V: Service>() -> Result<Self, Error> {
        let folder = std::env::current_dir().map_err(|error| {
            Error::new(ErrorKind::Start, "the current folder is unknown").caused_by(error)
        })?;
        Self::read(&path(&notes(), &folder, V::NAME), &folder, V::NAME)
    }

    fn read(path: &Path, folder: &Path, service: &str) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = format!(
                    "no `dev` of {service} runs in {}; start it there in another terminal",
                    folder.display()
                );
                return Err(Error::new(ErrorKind::Start, text));
            }
            Err(error) => {
                let text = format!(
                    "the note of the running `dev`, {}, cannot be read",
                    path.display()
                );
                return Err(Error::new(ErrorKind::Start, text).caused_by(error));
            }
        };
        let running: Self = serde_json::from_str(&text).map_err(|error| {
            let text = format!(
                "the note of the running `dev`, {}, is damaged; start `dev` again",
                path.display()
            );
            Error::new(ErrorKind::Start, text).caused_by(serde_error::describe(&error, "an object"))
        })?;
        if !running.is_local() {
            let text = format!(
                "the note of the running `dev`, {}, names another machine; remove it",
                path.display()
            );
            return Err(Error::new(ErrorKind::Start, text));
        }
        if running.answers() {
            return Ok(running);
        }
        let text = format!(
            "the `dev` of {service} in {} (process {}) ended without removing its note; start it again",
            folder.display(),
            running.pid
        );
        Err(Error::new(ErrorKind::Start, text))
    }

    /// Changes a configuration to use it.
    fn apply(&self, config: &mut Config) {
        config.brokers.clone_from(&self.brokers);
        config.topics.clone_from(&self.topics);
        config.registry = RegistryConfig {
            url: vec![self.registry.clone()],
            register: true,
            ..config.registry.without_security()
        };
        without_security(config);
        for (name, value) in MockBroker::quick() {
            config.kafka.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Whether its addresses are local, as `dev` writes them. Others may be able to write to the folder.
    fn is_local(&self) -> bool {
        let brokers = self.brokers.iter().all(|broker| broker.starts_with("127.0.0.1:"));
        brokers && self.registry.starts_with("http://127.0.0.1:")
    }

    /// Whether its registry takes connections.
    fn answers(&self) -> bool {
        let address = self.registry.trim_start_matches("http://");
        let mut addresses = address.to_socket_addrs().into_iter().flatten();
        addresses.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
    }

    /// Whether it has ended without removing its note. Another process may use its port by now.
    fn has_ended(&self) -> bool {
        let processes = Path::new("/proc");
        let is_dead = processes.join("self").exists() && !processes.join(self.pid.to_string()).exists();
        is_dead || !self.is_local() || !self.answers()
    }

    /// Writes the note, unless another running `dev` has one, which is returned.
    fn claim(&self, path: &Path) -> std::io::Result<Option<Self>> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Ok(other) = serde_json::from_str::<Self>(&text)
            && !other.has_ended()
        {
            return Ok(Some(other));
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)?;
        Ok(None)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // Two that start at the same time may both write it; the last one's stays.
        if serde_json::from_str::<Running>(&text).is_ok_and(|running| running.pid == self.pid) {
            _ = fs::remove_file(&self.path);
            // Fails while the folder has other notes.
            _ = self.path.parent().map(fs::remove_dir);
        }
    }
}

/// The user's own folder for notes.
fn notes() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("kaufmann"),
        None => {
            let user = std::env::var("USER")
                .or_else(|_| std::env::var("USERNAME"))
                .unwrap_or_default();
            let user: String = user.chars().filter(char::is_ascii_alphanumeric).collect();
            std::env::temp_dir().join(format!("kaufmann-dev-{user}"))
        }
    }
}

fn path(notes: &Path, folder: &Path, service: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    notes.join(format!(
        "{}-{:016x}.json",
        service.to_lowercase(),
        hasher.finish()
    ))
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(registry: &str) -> Running {
        Running {
            pid: 7,
            folder: "/f".into(),
            brokers: vec!["127.0.0.1:1".to_owned()],
            registry: registry.to_owned(),
            topics: vec!["t".to_owned()],
        }
    }

    #[test]
    fn a_note_is_found_by_folder_and_service_and_removed_by_its_writer() {
        let notes = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let running = running(&format!("http://{}", listener.local_addr().unwrap()));
        let path = path(&notes.path().join("deep"), Path::new("/f"), "Accounts");
        assert_eq!(running.claim(&path).unwrap(), None);
        assert_eq!(
            Running::read(&path, Path::new("/f"), "Accounts").unwrap(),
            running
        );
        drop(Note {
            path: path.clone(),
            pid: 8,
        });
        assert!(path.exists());
        drop(Note {
            path: path.clone(),
            pid: 7,
        });
        assert!(!path.exists());
    }

    #[test]
    fn the_note_of_a_running_dev_is_kept_and_that_of_an_ended_one_is_replaced() {
        let notes = tempfile::tempdir().unwrap();
        let path = notes.path().join("n.json");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let first = Running {
            pid: std::process::id(),
            ..running(&format!("http://{}", listener.local_addr().unwrap()))
        };
        let second = running("http://127.0.0.1:1");
        assert_eq!(first.claim(&path).unwrap(), None);
        assert_eq!(second.claim(&path).unwrap(), Some(first.clone()));
        assert_eq!(Running::read(&path, Path::new("/f"), "Accounts").unwrap(), first);
        drop(listener);
        assert_eq!(second.claim(&path).unwrap(), None);
    }

    #[test]
    fn each_service_and_folder_has_its_own_note() {
        let at = |folder: &str, service: &str| path(Path::new("/n"), Path::new(folder), service);
        assert_ne!(at("/a", "S"), at("/b", "S"));
        assert_ne!(at("/a", "S"), at("/a", "T"));
    }

    #[test]
    fn a_missing_a_damaged_and_a_stale_note_are_errors_with_a_remedy() {
        let notes = tempfile::tempdir().unwrap();
        let path = notes.path().join("n.json");
        let text = || {
            Running::read(&path, Path::new("/f"), "Accounts")
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text(),
            "no `dev` of Accounts runs in /f; start it there in another terminal"
        );
        fs::write(&path, "{").unwrap();
        assert!(text().ends_with("is damaged; start `dev` again"));
        running("http://elsewhere:1").claim(&path).unwrap();
        assert!(text().ends_with("names another machine; remove it"));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let ended = running(&format!("http://{}", listener.local_addr().unwrap()));
        drop(listener);
        ended.claim(&path).unwrap();
        assert_eq!(
            text(),
            "the `dev` of Accounts in /f (process 7) ended without removing its note; start it again",
        );
    }
}
