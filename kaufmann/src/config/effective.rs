//! The effective configuration, with where each value came from.

use std::fmt;

use serde_json::Value;

use super::keys::{self, KEYS};
use super::kind::Kind;
use super::{Config, secret};

/// Shown instead of each value of the table `[app]`.
const HIDDEN: &str = "…";

/// The effective configuration, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    pub(super) settings: Vec<Setting>,
}

/// One value of the configuration. Secrets, and all values of the table `[app]`, are blanked.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The key with its tables: `registry.url`.
    pub key: String,
    /// The value; `None` if there is none.
    pub value: Option<Value>,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// It is not set.
    Default,
    /// It follows from the service: its name, or its schemas.
    Service,
    /// `path:line:column`.
    File(String),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Service => f.write_str("from the service"),
            Self::File(place) => f.write_str(place),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

impl Effective {
    /// Every key with its value and origin, in the order of the documentation. Secrets are blanked.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The configuration as a TOML file, each value with a comment that names where it came from. Secrets are blanked.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut table = "";
        // Keys without a table come first in TOML, and a table may be opened only once.
        let mut tables: Vec<&str> = vec![""];
        tables.extend(self.settings.iter().map(|setting| split(&setting.key).0));
        let place = |table: &str| tables.iter().position(|known| *known == table);
        let mut settings: Vec<_> = self.settings.iter().collect();
        settings.sort_by_key(|setting| place(split(&setting.key).0));
        for setting in settings {
            let (inside, name) = split(&setting.key);
            if inside != table {
                text.push_str(&format!("\n[{inside}]\n"));
                table = inside;
            }
            let line = match &setting.value {
                Some(value) => format!("{} = {}", toml_path(inside, name), toml_value(value)),
                None => format!("# {name} is not set"),
            };
            match setting.origin {
                Origin::Default => text.push_str(&format!("{line}\n")),
                ref origin => text.push_str(&format!("{line:<48} # {origin}\n")),
            }
        }
        text
    }

    /// The configuration as a JSON object: each key with its value and where it came from. Secrets are blanked.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let pairs = self.settings.iter().map(|setting| {
            let entry = serde_json::json!({ "value": setting.value, "from": setting.origin.to_string() });
            (setting.key.clone(), entry)
        });
        Value::Object(pairs.collect())
    }
}

/// A key's table and its name in it.
fn split(key: &str) -> (&str, &str) {
    let table = KEYS.iter().filter(|known| known.kind.is_table()).find(|table| {
        key.strip_prefix(table.path)
            .is_some_and(|rest| rest.starts_with('.'))
    });
    match table {
        Some(table) => (table.path, &key[table.path.len() + 1..]),
        None => key.rsplit_once('.').unwrap_or(("", key)),
    }
}

/// A name as a TOML path. In a free table dots separate tables; elsewhere they belong to the name.
fn toml_path(table: &str, name: &str) -> String {
    let kind = KEYS.iter().find(|key| key.path == table).map(|key| key.kind);
    let names: Vec<String> = match kind {
        Some(Kind::Free) => name.split('.').map(str::to_owned).collect(),
        Some(Kind::Nested(_)) => super::kind::nested(name),
        _ => vec![name.to_owned()],
    };
    names
        .iter()
        .map(|name| toml_key(name))
        .collect::<Vec<_>>()
        .join(".")
}

fn toml_key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// A value in TOML, whose texts, numbers and lists are written as in JSON.
fn toml_value(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{} = {}", toml_key(name), toml_value(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(toml_value).collect::<Vec<_>>().join(", ")
        ),
        _ => value.to_string(),
    }
}

/// A key's value for display.
pub(super) fn shown(key: &str, value: &Value) -> Value {
    match split(key) {
        // Any of a service's own settings may be a secret.
        ("app", _) => Value::from(HIDDEN),
        ("kafka", name) if secret::is_secret(name) => Value::from(secret::REDACTED),
        _ if keys::find(key).is_some_and(|key| key.kind == Kind::Secret) => Value::from(secret::REDACTED),
        _ => secret::shown(value),
    }
}
