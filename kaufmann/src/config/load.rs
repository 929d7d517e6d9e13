//! Loads the layers: defaults, the service's own, the file, the environment, the flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::loaded::Rules;
use super::effective::{Effective, Origin};
use super::keys::{self, Key};
use super::layers::{Layers, named, one_pair};
use super::problem::Problems;
use super::{environment, file, kind};
use crate::base::error::Error;

/// The file that is read if no other is named.
const DEFAULT_FILE: &str = "kaufmann.toml";

/// Reads a [`Config`](super::Config): built-in defaults, then the service's defaults, then the file, then `KAUFMANN_*`, then flags.
///
/// ```no_run
/// use kaufmann::config::Loader;
///
/// let effective = Loader::new().process_environment().load()?;
/// println!("{}", effective.to_toml());
/// # Ok::<(), kaufmann::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Loader {
    file: Option<PathBuf>,
    variables: Vec<(String, OsString)>,
    flags: Vec<(&'static Key, Vec<String>)>,
    group: Option<String>,
    topics: Vec<String>,
}

impl Loader {
    /// A loader that reads nothing but `./kaufmann.toml`, if that exists.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads this file instead of `./kaufmann.toml`; it must exist.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Reads the environment of this process.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.variables(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))),
        )
    }

    /// Reads these variables. `KAUFMANN_CONFIG` names the file; those that neither begin with `KAUFMANN_` nor are
    /// `RUST_LOG` are ignored.
    #[must_use]
    pub fn variables<N: Into<String>, T: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        self.variables.extend(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        self
    }

    /// Sets the group's and the topics' defaults.
    pub(crate) fn defaults(mut self, group: String, topics: Vec<String>) -> Self {
        self.group = Some(group);
        self.topics = topics;
        self
    }

    /// Sets a key as its flag would.
    pub(crate) fn flag(mut self, key: &'static Key, values: Vec<String>) -> Self {
        self.flags.push((key, values));
        self
    }

    /// Reads all layers and checks the result, also by these rules.
    pub(crate) fn load_by(self, rules: &Rules) -> Result<Effective, Error> {
        let mut problems = Problems::default();
        let mut layers = Layers::default();
        self.implied(&mut layers);
        if let Some((path, text)) = self.read_file()? {
            file::read(&path, &text, &mut layers, &mut problems);
        }
        environment::read(&self.variables, &mut layers, &mut problems);
        for (key, values) in &self.flags {
            flag(key, values, &mut layers, &mut problems);
        }
        problems.into_result()?;
        let effective = layers.into_effective()?;
        effective.config.check(&effective.settings, rules)?;
        Ok(effective)
    }

    fn implied(&self, layers: &mut Layers) {
        let group = self.group.clone().map(Value::from);
        let topics = (!self.topics.is_empty()).then(|| Value::from(self.topics.clone()));
        for (path, value) in [("group", group), ("topics", topics)] {
            if let (Some(key), Some(value)) = (keys::find(path), value) {
                layers.set(key, Vec::new(), value, Origin::Service);
            }
        }
    }

    fn read_file(&self) -> Result<Option<(PathBuf, String)>, Error> {
        let named = self
            .variables
            .iter()
            .find(|(name, value)| name == environment::FILE && !value.is_empty());
        let named = self
            .file
            .clone()
            .or_else(|| named.map(|(_, value)| PathBuf::from(value)));
        let path = match named {
            Some(path) => path,
            None if is_there(Path::new(DEFAULT_FILE)) => PathBuf::from(DEFAULT_FILE),
            None => return Ok(None),
        };
        file::text(&path).map(|text| Some((path, text)))
    }
}

fn flag(key: &'static Key, values: &[String], layers: &mut Layers, problems: &mut Problems) {
    let place = format!("--{}", key.flag());
    let origin = Origin::Flag(key.flag());
    // A repeated flag adds to the list.
    let joined = [values.join(",")];
    let values = if matches!(key.kind, kind::Kind::List(_) | kind::Kind::Durations { .. }) {
        &joined
    } else {
        values
    };
    for text in values {
        match key.kind {
            // A property's value may have commas of its own; a flag can be repeated instead.
            kind if kind.is_table() => match named(text) {
                Some(pair) => one_pair(key, pair, &place, &origin, None, layers, problems),
                // The text may be a secret whose name was forgotten.
                None => problems.push(format!("{place}: `{}` needs NAME=VALUE", key.path)),
            },
            kind => match kind.parse(text) {
                Ok(value) => layers.set(key, Vec::new(), value, origin.clone()),
                Err(mismatch) => problems.mismatch(&place, key.path, &mismatch),
            },
        }
    }
}

/// Whether a file has this name, even if it is a dangling link: that must be reported, not ignored.
fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests;
