//! `kaufmann.toml`: its values, each with its line and column.

use std::fs::File as Handle;
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::effective::Origin;
use super::keys::{self, KEYS, Key};
use super::kind;
use super::layers::Layers;
use super::problem::Problems;
use crate::base::error::{Error, ErrorKind};

/// The largest file that is read, in bytes: larger ones are not configurations, and some files have no end.
const LARGEST: u64 = 1 << 20;

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a file's text.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    let refused = |why: &str| {
        let text = format!("the configuration file {} {why}", path.display());
        Error::new(ErrorKind::Configuration, text)
    };
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            return Err(refused("is a folder; name the file in it"));
        }
        Err(error) => {
            let text = format!("cannot read the configuration file {}", path.display());
            return Err(Error::new(ErrorKind::Configuration, text).caused_by(error));
        }
    };
    if bytes.len() as u64 > LARGEST {
        return Err(refused("is larger than 1 MiB; is it a configuration?"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => text.to_owned(),
            None => text,
        }),
        Err(error) => {
            let bytes = error.as_bytes();
            if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
                return Err(refused("is UTF-16; save it as UTF-8"));
            }
            let before = &bytes[..error.utf8_error().valid_up_to()];
            let file = File {
                name: path.display().to_string(),
                text: &String::from_utf8_lossy(before),
            };
            let text = format!(
                "{}: not valid UTF-8, which TOML must be",
                file.place(before.len())
            );
            Err(Error::new(ErrorKind::Configuration, text))
        }
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Handle::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file's text into the layers.
pub(super) fn read(path: &Path, text: &str, layers: &mut Layers, problems: &mut Problems) {
    let file = File {
        name: path.display().to_string(),
        text,
    };
    match DeTable::parse(text) {
        Ok(table) => file.table("", table.get_ref(), layers, problems),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.push(format!(
                "{}: not valid TOML: {}",
                file.place(at),
                error.message().replace('\n', ", ")
            ));
        }
    }
}

struct File<'t> {
    name: String,
    text: &'t str,
}

impl File<'_> {
    fn table(&self, prefix: &str, table: &DeTable<'_>, layers: &mut Layers, problems: &mut Problems) {
        for (name, value) in table {
            let path = match prefix {
                "" => name.get_ref().to_string(),
                prefix => format!("{prefix}.{}", name.get_ref()),
            };
            if let Some(key) = keys::find(&path) {
                self.value(key, value, layers, problems);
            } else if KEYS.iter().any(|key| key.path.starts_with(&format!("{path}."))) {
                match value.get_ref() {
                    DeValue::Table(inner) => self.table(&path, inner, layers, problems),
                    other => problems.push(format!(
                        "{}: `{path}` is {}, expected a table",
                        self.place(value.span().start),
                        kind::describe(&to_json(other)),
                    )),
                }
            } else {
                let meant = kaufmann_avro::suggest::closest(&path, siblings(prefix));
                problems.unknown(&self.place(name.span().start), "key", &path, meant);
            }
        }
    }

    fn value(
        &self,
        key: &'static Key,
        value: &Spanned<DeValue<'_>>,
        layers: &mut Layers,
        problems: &mut Problems,
    ) {
        let place = self.place(value.span().start);
        if let Some(number) = unreadable(value.get_ref()) {
            // Digits may be a password without quotes.
            let is_shown = !key.kind.is_table() && key.kind != kind::Kind::Secret;
            let shown = if is_shown || !number.contains(|c: char| c.is_ascii_digit()) {
                number.as_str()
            } else {
                "a number that is too large"
            };
            problems.push(if key.kind.is_table() {
                format!(
                    "{place}: `{}` has {shown}, expected a finite number below 2^63",
                    key.path
                )
            } else {
                format!(
                    "{place}: `{}` is {shown}, expected {}",
                    key.path,
                    key.kind.expected_instead_of(&Value::from(number.as_str()))
                )
            });
            return;
        }
        let json = to_json(value.get_ref());
        if !key.kind.is_table() {
            match key.kind.read(&json) {
                Ok(value) => layers.set(key, Vec::new(), value, Origin::File(place)),
                Err(mismatch) => problems.mismatch(&place, key.path, &mismatch),
            }
            return;
        }
        self.named_entries(key, value, &json, layers, problems);
    }

    /// Reads a table whose entries have names of the user's own. `json` is its value.
    fn named_entries(
        &self,
        key: &'static Key,
        value: &Spanned<DeValue<'_>>,
        json: &Value,
        layers: &mut Layers,
        problems: &mut Problems,
    ) {
        let Value::Object(table) = json else {
            let place = self.place(value.span().start);
            problems.push(format!(
                "{place}: `{}` is {}, expected {}",
                key.path,
                kind::type_of(json),
                key.kind.expected()
            ));
            return;
        };
        for (name, entry) in kind::entries(key.kind, table) {
            let path = name.join(".");
            let place = self.place(find(value, &path).span().start);
            if matches!(key.kind, kind::Kind::Nested(_)) && name.len() < 2 {
                problems.push(format!(
                    "{place}: `{}.{path}` is {}, expected a table with the settings of a topic",
                    key.path,
                    kind::describe(entry)
                ));
                continue;
            }
            match kind::entry(key.kind, entry) {
                Ok(entry) => layers.set(key, name, entry, Origin::File(place)),
                Err(mismatch) => problems.mismatch(&place, &format!("{}.{path}", key.path), &mismatch),
            }
        }
    }

    /// `path:line:column` of a byte.
    fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}

/// The value in a table whose name, with those of the tables around it, is `path`; the table itself if there is none.
fn find<'v, 'i>(table: &'v Spanned<DeValue<'i>>, path: &str) -> &'v Spanned<DeValue<'i>> {
    let DeValue::Table(fields) = table.get_ref() else {
        return table;
    };
    let inside = fields.iter().find_map(|(name, value)| {
        let rest = path.strip_prefix(name.get_ref().as_ref())?;
        match rest.strip_prefix('.') {
            Some(rest) => Some(find(value, rest)),
            None => rest.is_empty().then_some(value),
        }
    });
    inside.unwrap_or(table)
}

/// The keys and tables that the table `prefix` may have.
fn siblings(prefix: &str) -> impl Iterator<Item = String> {
    let depth = if prefix.is_empty() {
        1
    } else {
        prefix.split('.').count() + 1
    };
    let inside = if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix}.")
    };
    let inside = KEYS.iter().filter(move |key| key.path.starts_with(&inside));
    inside.map(move |key| key.path.split('.').take(depth).collect::<Vec<_>>().join("."))
}

/// A number that JSON does not have, as written in the file: too large, infinite or not a number.
fn unreadable(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Integer(number) if i64::from_str_radix(number.as_str(), number.radix()).is_err() => {
            Some(number.as_str().to_owned())
        }
        DeValue::Float(number) if !number.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
            Some(number.as_str().to_owned())
        }
        DeValue::Array(items) => items.iter().find_map(|item| unreadable(item.get_ref())),
        DeValue::Table(fields) => fields.iter().find_map(|(_, value)| unreadable(value.get_ref())),
        _ => None,
    }
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), to_json(value.get_ref())));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}
