//! The layers of the configuration: defaults, file, variables, flags. The last one that sets a key wins, in tables entry by entry.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Config;
use super::effective::{self, Effective, Origin, Setting};
use super::kafka_properties::PropertyOrigin;
use super::keys::{KEYS, Key};
use super::kind;
use super::problem::Problems;
use super::secret::{REDACTED, is_secret};
use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;

/// The values of all layers: the last one that sets a key wins, in tables entry by entry.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<(&'static str, Vec<String>), Entry>);

#[derive(Debug)]
struct Entry {
    value: Value,
    origin: Origin,
    /// The secret before it in the same variable; this may be a piece of it.
    after_secret: Option<String>,
}

impl Layers {
    pub(super) fn set(&mut self, key: &'static Key, entry: Vec<String>, value: Value, origin: Origin) {
        self.set_after_secret(None, key, entry, value, origin);
    }

    pub(super) fn set_after_secret(
        &mut self,
        secret: Option<&str>,
        key: &'static Key,
        entry: Vec<String>,
        value: Value,
        origin: Origin,
    ) {
        let after_secret = secret.map(str::to_owned);
        self.0.insert(
            (key.path, entry),
            Entry {
                value,
                origin,
                after_secret,
            },
        );
    }

    pub(super) fn into_effective(self) -> Result<Effective, Error> {
        let mut root = Value::Object(Map::new());
        for ((key, name), entry) in &self.0 {
            let path = key.split('.').chain(name.iter().map(String::as_str));
            insert(&mut root, path, entry.value.clone());
        }
        let mut config: Config = serde_json::from_value(root).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "invalid configuration: {}",
                    serde_error::describe(&error, "a table")
                ),
            )
        })?;
        for ((key, name), entry) in &self.0 {
            if *key == "kafka" {
                let origin = PropertyOrigin {
                    place: entry.origin.to_string(),
                    after_secret: entry.after_secret.clone(),
                };
                config.kafka.note(name.join("."), origin);
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
                let value = match entry.after_secret {
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
    // The comma may belong to the secret before it.
    let mut secret = None;
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = named(pair) else {
            let hint = match secret {
                Some(secret) => after_secret_hint(key, secret),
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

/// A hint for an entry that may be a piece of a secret with a comma.
pub(super) fn after_secret_hint(key: &Key, secret: &str) -> String {
    format!(
        "; what follows `{secret}` is not shown, because it may be a piece of it{}",
        commas(key, secret)
    )
}

fn commas(key: &Key, name: &str) -> String {
    format!(
        ": commas separate the entries of {}, so set a value with a comma in {}",
        key.variable(),
        key.variable_of(name)
    )
}

/// The name and the value of `NAME=VALUE`.
pub(super) fn named(pair: &str) -> Option<(&str, &str)> {
    let (name, value) = pair.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then_some((name, value.trim()))
}

pub(super) fn one_pair(
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
    layers.set_after_secret(secret, key, entry, value, origin.clone());
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
