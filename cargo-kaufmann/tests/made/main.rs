//! The files that the commands write, and their errors. `KAUFMANN_BLESS=1` writes the golden files anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod golden;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder in which the command runs.
struct Desk {
    dir: TempDir,
}

/// The output of a command, and its exit code.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs `cargo kaufmann` in a folder, as Cargo would call it.
    fn run(&self, folder: &str, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_cargo-kaufmann"))
            .arg("kaufmann")
            .args(arguments)
            .current_dir(self.path(folder))
            .env_remove("COLUMNS")
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `cargo kaufmann`, which must succeed; returns its output.
    fn done(&self, folder: &str, arguments: &[&str]) -> String {
        let said = self.run(folder, arguments);
        assert_eq!((said.code, &*said.err), (0, ""), "{arguments:?}: {}", said.out);
        said.out
    }

    /// All files below a folder, as one text.
    fn tree(&self, folder: &str) -> String {
        let mut files = Vec::new();
        list(&self.path(folder), "", &mut files);
        let read = |path: &str| fs::read_to_string(self.path(folder).join(path)).unwrap();
        let files = files.iter().map(|path| format!("==> {path}\n{}", read(path)));
        files.collect::<Vec<_>>().join("\n")
    }
}

fn list(folder: &Path, path: &str, files: &mut Vec<String>) {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let (entry, path) = (folder.join(&name), format!("{path}{name}"));
        match entry.is_dir() {
            true => list(&entry, &format!("{path}/"), files),
            false => files.push(path),
        }
    }
}
