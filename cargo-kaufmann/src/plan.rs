//! The plan of what a command writes: complete before anything is written.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::error::Error;

/// Files to write below a folder.
#[derive(Debug)]
pub(crate) struct Plan {
    root: PathBuf,
    created: Vec<(String, String)>,
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
            created: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Plans a new file.
    pub(crate) fn create(&mut self, path: impl Into<String>, text: String) {
        self.created.push((path.into(), text));
    }

    /// Plans a change of an existing file; `what` describes it in the report.
    pub(crate) fn change(&mut self, path: impl Into<String>, text: String, what: impl Into<String>) {
        self.changed.push(Change {
            path: path.into(),
            text,
            what: what.into(),
        });
    }

    /// Writes everything: new files first, and never over a file that has appeared since.
    pub(crate) fn write(&self) -> Result<(), Error> {
        for (path, text) in &self.created {
            let path = self.root.join(path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
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

    /// A report with a line for each file.
    pub(crate) fn report(&self, dry_run: bool) -> String {
        let (created, changed) = match dry_run {
            true => ("would create", "would change"),
            false => ("created", "changed"),
        };
        let width = created.len().max(changed.len());
        let created = self
            .created
            .iter()
            .map(|(path, _)| format!("{created:>width$}  {path}\n"));
        let changed = self
            .changed
            .iter()
            .map(|change| format!("{changed:>width$}  {}: {}\n", change.path, change.what));
        created.chain(changed).collect()
    }
}
