//! What a command writes: decided before anything is touched.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::error::Error;

/// Files to write below a folder.
#[derive(Debug)]
pub(crate) struct Plan {
    root: PathBuf,
    made: Vec<(String, String)>,
    changed: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    path: String,
    text: String,
    what: String,
}

impl Plan {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            made: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// A file that is not there.
    pub(crate) fn make(&mut self, path: impl Into<String>, text: String) {
        self.made.push((path.into(), text));
    }

    /// A file that is there, and what of it changes.
    pub(crate) fn change(&mut self, path: impl Into<String>, text: String, what: impl Into<String>) {
        self.changed.push(Change {
            path: path.into(),
            text,
            what: what.into(),
        });
    }

    /// Writes everything, what is new first, and never over a file that nobody has looked at.
    pub(crate) fn write(&self) -> Result<(), Error> {
        for (path, text) in &self.made {
            let path = self.root.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, &error))?;
            }
            fs::File::create_new(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|error| Error::io("write", &path, &error))?;
        }
        for change in &self.changed {
            let path = self.root.join(&change.path);
            fs::write(&path, &change.text).map_err(|error| Error::io("write", &path, &error))?;
        }
        Ok(())
    }

    /// A line for each file.
    pub(crate) fn report(&self, dry_run: bool) -> String {
        let (made, changed) = match dry_run {
            true => ("would make", "would change"),
            false => ("made", "changed"),
        };
        let width = changed.len();
        let made = self
            .made
            .iter()
            .map(|(path, _)| format!("{made:>width$}  {path}\n"));
        let changed = self
            .changed
            .iter()
            .map(|change| format!("{changed}  {}: {}\n", change.path, change.what));
        made.chain(changed).collect()
    }
}
