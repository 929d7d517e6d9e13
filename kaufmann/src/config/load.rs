//! Puts the layers together: defaults, the service's own, the file, the environment, the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::check::Rules;
use super::effective::{self, Effective, Origin, Setting};
use super::kafka_properties::Place;
use super::keys::{self, KEYS, Key};
use super::problem::Problems;
use super::secret::{REDACTED, is_secret};
use super::{Config, environment, file, kind};
use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error::misfit;

/// The file that is read if nobody names another.
const DEFAULT_FILE: &str = "kaufmann.toml";

/// Reads a [`Config`]: built-in defaults, then what the service implies, then the file, then `KAUFMANN_*`, then flags.
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

    /// Reads it all, and checks it by these rules.
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

/// What the layers say: the last one that speaks wins, entry by entry in tables.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<(&'static str, Vec<String>), Entry>);

#[derive(Debug)]
struct Entry {
    value: Value,
    origin: Origin,
    /// The secret that stands before it in the same variable, and of which it may be a piece.
    behind: Option<String>,
}

impl Layers {
    pub(super) fn set(&mut self, key: &'static Key, entry: Vec<String>, value: Value, origin: Origin) {
        self.set_behind(None, key, entry, value, origin);
    }

    fn set_behind(
        &mut self,
        secret: Option<&str>,
        key: &'static Key,
        entry: Vec<String>,
        value: Value,
        origin: Origin,
    ) {
        let behind = secret.map(str::to_owned);
        self.0.insert(
            (key.path, entry),
            Entry {
                value,
                origin,
                behind,
            },
        );
    }

    fn into_effective(self) -> Result<Effective, Error> {
        let mut root = Value::Object(Map::new());
        for ((key, name), entry) in &self.0 {
            let path = key.split('.').chain(name.iter().map(String::as_str));
            insert(&mut root, path, entry.value.clone());
        }
        let mut config: Config = serde_json::from_value(root).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!("the configuration does not fit: {}", misfit(&error, "a table")),
            )
        })?;
        for ((key, name), entry) in &self.0 {
            if *key == "kafka" {
                let place = Place {
                    origin: entry.origin.to_string(),
                    behind: entry.behind.clone(),
                };
                config.kafka.note(name.join("."), place);
            }
        }
        let settings = self.settings();
        Ok(Effective { config, settings })
    }

    fn settings(&self) -> Vec<Setting> {
        let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
        let mut settings = Vec::new();
        for key in KEYS {
            let entries = self.0.iter().filter(|((path, _), _)| *path == key.path);
            let before = settings.len();
            settings.extend(entries.map(|((path, name), entry)| {
                let name = std::iter::once(*path)
                    .chain(name.iter().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join(".");
                let value = match entry.behind {
                    Some(_) => Value::from(REDACTED),
                    None => effective::shown(&name, &entry.value),
                };
                Setting {
                    key: name,
                    value: Some(value),
                    origin: entry.origin.clone(),
                }
            }));
            if settings.len() == before && !key.kind.is_table() {
                let pointer = format!("/{}", key.path.replace('.', "/"));
                let value = defaults
                    .pointer(&pointer)
                    .filter(|value| !value.is_null() && *value != "")
                    .cloned();
                settings.push(Setting {
                    key: key.path.to_owned(),
                    value,
                    origin: Origin::Default,
                });
            }
        }
        settings
    }
}

/// Reads `NAME=VALUE,NAME=VALUE` into a table's entries.
pub(super) fn pairs(
    key: &'static Key,
    text: &str,
    place: &str,
    origin: &Origin,
    layers: &mut Layers,
    problems: &mut Problems,
) {
    // A comma may as well belong to the secret before it.
    let mut secret = None;
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = named(pair) else {
            let hint = match secret {
                Some(secret) => behind_secret(key, secret),
                None if text.contains(',') => commas(key, "NAME"),
                None => String::new(),
            };
            problems.push(format!("{place}: `{}` needs NAME=VALUE{hint}", key.path));
            continue;
        };
        one_pair(key, (name, value), place, origin, secret, layers, problems);
        if matches!(key.path, "kafka" | "app") && is_secret(name) {
            secret.get_or_insert(name);
        }
    }
}

/// What to do where a secret may have been cut at its comma.
pub(super) fn behind_secret(key: &Key, secret: &str) -> String {
    format!(
        "; what stands behind `{secret}` is not shown, because it may be a piece of it{}",
        commas(key, secret)
    )
}

fn commas(key: &Key, name: &str) -> String {
    format!(
        ": commas part the entries of {}, and a value that has one goes into {}",
        key.variable(),
        key.variable_of(name)
    )
}

/// The name and the value of `NAME=VALUE`.
fn named(pair: &str) -> Option<(&str, &str)> {
    let (name, value) = pair.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then_some((name, value.trim()))
}

fn one_pair(
    key: &'static Key,
    (name, value): (&str, &str),
    place: &str,
    origin: &Origin,
    secret: Option<&str>,
    layers: &mut Layers,
    problems: &mut Problems,
) {
    let entry = match key.kind {
        kind::Kind::Free => name.split('.').map(str::to_owned).collect(),
        kind::Kind::Nested(_) if !name.contains('.') => {
            return problems.push(format!(
                "{place}: `{}` needs TOPIC.SETTING=VALUE, found `{name}`",
                key.path
            ));
        }
        kind::Kind::Nested(_) => kind::nested(name),
        _ => vec![name.to_owned()],
    };
    let value = kind::entry_text(key.kind, value);
    layers.set_behind(secret, key, entry, value, origin.clone());
}

fn flag(key: &'static Key, values: &[String], layers: &mut Layers, problems: &mut Problems) {
    let place = format!("--{}", key.flag());
    let origin = Origin::Flag(key.flag());
    // A list given in parts is the list of all parts.
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
                // What stands there may be a secret whose name was forgotten.
                None => problems.push(format!("{place}: `{}` needs NAME=VALUE", key.path)),
            },
            kind => match kind.parse(text) {
                Ok(value) => layers.set(key, Vec::new(), value, origin.clone()),
                Err(mismatch) => problems.mismatch(&place, key.path, &mismatch),
            },
        }
    }
}

/// Whether there is something by this name, even if it is a link to nothing: that is to be reported, not passed over.
fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

fn insert<'p>(node: &mut Value, mut path: impl Iterator<Item = &'p str>, value: Value) {
    let Some(name) = path.next() else {
        *node = value;
        return;
    };
    if !node.is_object() {
        *node = Value::Object(Map::new());
    }
    if let Value::Object(fields) = node {
        insert(fields.entry(name).or_insert(Value::Null), path, value);
    }
}

#[cfg(test)]
mod tests;
