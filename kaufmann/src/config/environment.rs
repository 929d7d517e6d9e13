//! `KAUFMANN_*`: one variable a key, and one for each entry of the tables `kafka` and `app`.

use std::ffi::OsString;

use super::effective::Origin;
use super::keys::{self, KEYS, Key};
use super::kind::{self, Kind};
use super::load::{Layers, pairs};
use super::problem::Problems;

/// What all variables begin with.
pub(super) const PREFIX: &str = "KAUFMANN_";

/// Names the file.
pub(crate) const FILE: &str = "KAUFMANN_CONFIG";

/// Belong to the build and its tests, not to the service.
const OTHERS: [&str; 4] = [
    "KAUFMANN_MACROS_",
    "KAUFMANN_CODEGEN_",
    "KAUFMANN_BLESS",
    "KAUFMANN_TEST_",
];

/// Reads the variables into the layers. An empty variable counts as not set.
pub(super) fn read(variables: &[(String, OsString)], layers: &mut Layers, problems: &mut Problems) {
    // Weaker than our own name for it, so it comes first.
    if let Some((_, filter)) = variables
        .iter()
        .find(|(name, value)| name == "RUST_LOG" && !value.is_empty())
    {
        let value = serde_json::Value::from(filter.to_string_lossy().into_owned());
        if let Some(key) = keys::find("log.filter") {
            layers.set(key, Vec::new(), value, Origin::Variable("RUST_LOG".to_owned()));
        }
    }
    for (name, value) in variables {
        let ours =
            name.starts_with(PREFIX) && name != FILE && !OTHERS.iter().any(|other| name.starts_with(other));
        if !ours || value.is_empty() {
            continue;
        }
        match value.to_str() {
            Some(value) => variable(name, value, layers, problems),
            None => problems.push(format!("environment variable {name}: not valid UTF-8")),
        }
    }
}

fn variable(name: &str, text: &str, layers: &mut Layers, problems: &mut Problems) {
    let place = format!("environment variable {name}");
    let origin = Origin::Variable(name.to_owned());
    if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
        if key.kind.is_table() {
            return pairs(key, text, &place, &origin, layers, problems);
        }
        return match key.kind.parse(text) {
            Ok(value) => layers.set(key, Vec::new(), value, origin),
            Err(mismatch) => problems.mismatch(&place, key.path, &mismatch),
        };
    }
    match entry(name) {
        Some((key, path)) => layers.set(key, path, kind::entry_text(key.kind, text), origin),
        None => {
            let meant = keys::closest(name, KEYS.iter().map(Key::variable));
            problems.unknown("the environment", "variable", name, meant);
        }
    }
}

/// `KAUFMANN_KAFKA_FETCH_MIN_BYTES` → `fetch.min.bytes`; `KAUFMANN_APP_DATABASE__MAX_SIZE` → `database` / `max_size`.
fn entry(name: &str) -> Option<(&'static Key, Vec<String>)> {
    let key = KEYS
        .iter()
        .filter(|key| matches!(key.path, "kafka" | "app"))
        .find(|key| {
            name.strip_prefix(&key.variable())
                .is_some_and(|rest| rest.starts_with('_') && rest.len() > 1)
        })?;
    let rest = name
        .strip_prefix(&key.variable())?
        .strip_prefix('_')?
        .to_ascii_lowercase();
    let path = match key.kind {
        Kind::Free => rest.split("__").map(str::to_owned).collect(),
        _ => vec![rest.replace('_', ".")],
    };
    Some((key, path))
}
