//! The kinds of keys' values, and how they are read from a file's value or from a variable's or a flag's text.

use std::time::Duration;

use serde_json::{Map, Value};

/// The longest duration. A longer wait is a mistake, and clocks have an end.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The upper bound of counts that have no other.
pub(crate) const MOST: u64 = u32::MAX as u64;

/// The kind of a value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    /// A text; with its description.
    Text(&'static str),
    /// A text that is never shown.
    Secret,
    /// Absolute `http` or `https` URLs, with commas between them outside of files.
    Urls,
    /// Texts, with commas between them outside of files; with the description of an item.
    List(&'static str),
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A number of bytes, with or without a unit.
    Bytes,
    /// A number with a unit of time.
    Duration {
        /// The least, in milliseconds.
        min: u64,
    },
    /// Numbers with a unit of time, with commas between them outside of files.
    Durations {
        /// The least, in milliseconds.
        min: u64,
    },
    /// A number with a fraction.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// Yes or no.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A table of texts; with the description of a value.
    Pairs(&'static str),
    /// A table, each value one of these.
    Choices(&'static [&'static str]),
    /// A table of tables of texts; with the description of a value. Names of tables may have dots, those of values do not.
    Nested(&'static str),
    /// A table with any values.
    Free,
}

/// Why a value is not accepted.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Mismatch {
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl Kind {
    /// Whether its value is a table, whose entries come from several layers.
    pub(crate) fn is_table(self) -> bool {
        matches!(
            self,
            Self::Pairs(_) | Self::Choices(_) | Self::Nested(_) | Self::Free
        )
    }

    /// What is expected, for errors.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text(what) => what.to_owned(),
            Self::Secret => "a text".to_owned(),
            Self::Urls => "a URL such as \"http://localhost:8081\"".to_owned(),
            Self::List(item) => format!("a list, each item {item}"),
            Self::Count { min, max: MOST } => format!("a whole number of at least {min}"),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Bytes => {
                "a number of bytes of at least 1, such as 65536, \"64KiB\" or \"64MiB\"".to_owned()
            }
            Self::Duration { min: 0 } => "a duration such as \"250ms\", \"30s\" or \"5m\"".to_owned(),
            Self::Duration { min } => {
                format!("a duration of at least {min}ms such as \"250ms\", \"30s\" or \"5m\"")
            }
            Self::Durations { min } => format!("a list, each item {}", Self::Duration { min }.expected()),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Flag => "true or false".to_owned(),
            Self::Choice(names) => one_of(names),
            Self::Pairs(value) => format!("a table, each value {value}"),
            Self::Choices(names) => format!("a table, each value {}", one_of(names)),
            Self::Nested(value) => format!("a table of tables, each value {value}"),
            Self::Free => "a table".to_owned(),
        }
    }

    /// The value as `Config` reads it, from a file's value.
    pub(crate) fn read(self, value: &Value) -> Result<Value, Mismatch> {
        let accepted = match (self, value) {
            (Self::Count { min, max }, Value::Number(number)) => number
                .as_u64()
                .filter(|number| (min..=max).contains(number))
                .map(Value::from),
            (Self::Bytes, Value::Number(number)) => number.as_u64().filter(|n| *n >= 1).map(Value::from),
            (Self::Number { min, max }, Value::Number(number)) => number
                .as_f64()
                .filter(|number| (min..=max).contains(number))
                .map(Value::from),
            (Self::Flag, Value::Bool(flag)) => Some(Value::from(*flag)),
            (Self::List(_) | Self::Urls, Value::Array(items)) => return self.read_list(items),
            (Self::Durations { min }, Value::Array(items)) => {
                let each: Result<Vec<Value>, Mismatch> = items
                    .iter()
                    .map(|item| Self::Duration { min }.read(item))
                    .collect();
                return each.map(Value::from);
            }
            // A single item is read like a variable or a flag.
            (Self::List(_) | Self::Durations { .. }, Value::String(text)) => return self.parse(text),
            (
                Self::Text(_)
                | Self::Secret
                | Self::Urls
                | Self::Bytes
                | Self::Duration { .. }
                | Self::Choice(_),
                Value::String(text),
            ) => return self.parse(text),
            _ => None,
        };
        accepted.ok_or_else(|| self.mismatch(value))
    }

    fn read_list(self, items: &[Value]) -> Result<Value, Mismatch> {
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str().map(str::trim).filter(|text| !text.is_empty()) {
                Some(text) if self == Self::Urls && !is_url(text) => return Err(self.mismatch(item)),
                Some(text) => texts.push(text),
                None => {
                    return Err(Mismatch {
                        found: format!("a list with {}", describe(item)),
                        expected: self.expected(),
                    });
                }
            }
        }
        Ok(without_repetitions(texts))
    }

    /// The value as `Config` reads it, from the text of a variable or a flag.
    pub(crate) fn parse(self, text: &str) -> Result<Value, Mismatch> {
        let trimmed = text.trim();
        let accepted = match self {
            Self::Text(_) => Some(trimmed).filter(|text| !text.is_empty()).map(Value::from),
            Self::Secret => Some(text).filter(|text| !text.is_empty()).map(Value::from),
            Self::Urls => {
                let items: Vec<_> = trimmed.split(',').map(str::trim).collect();
                items
                    .iter()
                    .all(|item| is_url(item))
                    .then(|| without_repetitions(items))
            }
            Self::List(_) => {
                let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(without_repetitions(items))
            }
            Self::Count { min, max } => trimmed
                .parse::<u64>()
                .ok()
                .filter(|number| (min..=max).contains(number))
                .map(Value::from),
            Self::Bytes => parse_bytes(trimmed).map(Value::from),
            Self::Duration { min } => humantime::parse_duration(trimmed)
                .ok()
                .filter(|duration| (Duration::from_millis(min)..=LONGEST).contains(duration))
                .map(|_| Value::from(trimmed)),
            Self::Durations { min } => {
                let items = trimmed.split(',').map(str::trim).filter(|item| !item.is_empty());
                let each: Result<Vec<Value>, Mismatch> =
                    items.map(|item| Self::Duration { min }.parse(item)).collect();
                return each.map(Value::from);
            }
            Self::Number { min, max } => trimmed
                .parse::<f64>()
                .ok()
                .filter(|number| (min..=max).contains(number))
                .map(Value::from),
            Self::Flag => parse_flag(trimmed).map(Value::from),
            Self::Choice(names) => names
                .iter()
                .find(|name| **name == trimmed)
                .map(|name| Value::from(*name)),
            Self::Pairs(_) | Self::Choices(_) | Self::Nested(_) | Self::Free => None,
        };
        accepted.ok_or_else(|| self.mismatch(&Value::from(text)))
    }

    fn mismatch(self, value: &Value) -> Mismatch {
        let found = match (self, value) {
            (Self::Secret, Value::String(text)) if text.is_empty() => "empty".to_owned(),
            (Self::Secret, _) => type_of(value).to_owned(),
            // A list whose commas may have cut a password.
            (Self::Urls, Value::String(text)) if text.contains('@') && !text.contains("://") => {
                "a text with credentials".to_owned()
            }
            _ => describe(value),
        };
        let expected = self.expected_instead_of(value);
        Mismatch { found, expected }
    }

    /// What is expected, with the bound that this value exceeds, or the name that it may mean.
    pub(crate) fn expected_instead_of(self, value: &Value) -> String {
        let mut expected = self.expected();
        if let Self::Count { max: MOST, .. } = self
            && is_beyond(value, MOST)
        {
            expected.push_str(&format!(", at most {MOST}"));
        }
        if let (Self::Urls, Value::String(text)) = (self, value)
            && text.split(',').any(|item| has_wrong_port(item.trim()))
        {
            expected.push_str(", with a port from 1 to 65535");
        }
        if let (Self::Choice(names), Value::String(text)) = (self, value)
            && let Some(name) = kaufmann_avro::suggest::closest(text, names.iter())
        {
            expected.push_str(&format!("; did you mean \"{name}\"?"));
        }
        if let (Self::Duration { .. }, Value::String(text)) = (self, value)
            && humantime::parse_duration(text.trim()).is_ok_and(|duration| duration > LONGEST)
        {
            expected.push_str(", at most 365days");
        }
        expected
    }
}

/// Whether a value, or its text, is a whole number above this one.
fn is_beyond(value: &Value, most: u64) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| number > most),
        Value::String(text) => {
            let text = text.trim();
            let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
            is_number && text.parse::<u64>().map_or(true, |number| number > most)
        }
        _ => false,
    }
}

/// Reads one entry of a table from a file: any scalar is accepted as a text.
pub(crate) fn entry(kind: Kind, value: &Value) -> Result<Value, Mismatch> {
    match (kind, value) {
        (Kind::Free, _) => Ok(value.clone()),
        (Kind::Choices(names), _) => Kind::Choice(names).read(value),
        (_, Value::String(text)) => Ok(Value::from(text.as_str())),
        (_, Value::Bool(_) | Value::Number(_)) => Ok(Value::from(value.to_string())),
        _ => Err(Mismatch {
            found: describe(value),
            expected: "a text, a number, or true or false".to_owned(),
        }),
    }
}

/// Reads one entry of a table from a text. In a free table `5` is a number, `true` a Boolean, and `"5"` a text.
pub(crate) fn entry_text(kind: Kind, text: &str) -> Value {
    let read = match kind {
        Kind::Free => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| !value.is_null()),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

/// The entries of a table with their names. Inner tables count as names with dots if `kind` has only texts: in TOML
/// `fetch.min.bytes = 1` *is* three tables.
pub(crate) fn entries(kind: Kind, table: &Map<String, Value>) -> Vec<(Vec<String>, &Value)> {
    let mut found = Vec::new();
    collect(&mut Vec::new(), table, &mut found);
    for (name, _) in &mut found {
        match kind {
            Kind::Free => {}
            Kind::Nested(_) => *name = nested(&name.join(".")),
            _ => *name = vec![name.join(".")],
        }
    }
    found
}

/// The name of a table, and that of a value in it, which follows the last dot.
pub(crate) fn nested(name: &str) -> Vec<String> {
    match name.rsplit_once('.') {
        Some((table, value)) => vec![table.to_owned(), value.to_owned()],
        None => vec![name.to_owned()],
    }
}

fn collect<'v>(
    path: &mut Vec<String>,
    table: &'v Map<String, Value>,
    found: &mut Vec<(Vec<String>, &'v Value)>,
) {
    for (name, value) in table {
        path.push(name.clone());
        match value {
            Value::Object(inner) => collect(path, inner, found),
            _ => found.push((path.clone(), value)),
        }
        path.pop();
    }
}

/// A list without repeated items.
fn without_repetitions<'t>(items: impl IntoIterator<Item = &'t str>) -> Value {
    let mut known: Vec<&str> = Vec::new();
    for item in items {
        if !known.contains(&item) {
            known.push(item);
        }
    }
    Value::from(known)
}

fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("one of {}", quoted.join(", "))
}

pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::String(text) => Value::from(super::secret::without_credentials(text)).to_string(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => type_of(value).to_owned(),
    }
}

pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn is_url(text: &str) -> bool {
    !text.contains(char::is_whitespace) && authority(text).is_some_and(is_address)
}

/// `host:port` of a URL. A `user:password@` before it is refused elsewhere, with what to do instead.
fn authority(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit('@').next().unwrap_or(authority))
}

fn has_wrong_port(url: &str) -> bool {
    let parts = authority(url).and_then(|authority| authority.rsplit_once(':'));
    parts.is_some_and(|(host, _)| is_address(host)) && !is_url(url)
}

/// `host`, `host:port` or `[v6]:port`.
pub(crate) fn is_address(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.chars().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let host_fits = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .and_then(|v6| v6.split('%').next())
            .is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && !host.contains(['/', '@', ':', '[', ']'])
                && !host.contains(|c: char| c.is_whitespace() || c.is_control())
        }
    };
    port_fits && host_fits
}

fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let number: u64 = text[..digits].replace('_', "").parse().ok()?;
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit).filter(|bytes| *bytes >= 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_take_units() {
        let read = |text: &str| Kind::Bytes.parse(text).ok().and_then(|value| value.as_u64());
        assert_eq!(read("64MiB"), Some(64 << 20));
        assert_eq!(read("1_000 kB"), Some(1_000_000));
        assert_eq!(read("512"), Some(512));
        assert_eq!(
            (read("0"), read("-1"), read("1 parsec"), read("99999999999GiB")),
            (None, None, None, None)
        );
    }

    #[test]
    fn lists_are_split_at_commas_and_blanks_are_dropped() {
        let list = Kind::List("a name");
        assert_eq!(list.parse(" a, b ,").unwrap(), json!(["a", "b"]));
        assert_eq!(list.read(&json!("a,b")).unwrap(), json!(["a", "b"]));
        assert_eq!(list.read(&json!(["a", "b", "a"])).unwrap(), json!(["a", "b"]));
        assert_eq!(list.parse("a,b,a").unwrap(), json!(["a", "b"]));
    }

    #[test]
    fn a_wrong_item_of_a_list_is_named() {
        let found = |value: &Value| Kind::List("a name").read(value).unwrap_err().found;
        assert_eq!(found(&json!(["a", 1])), "a list with 1");
        assert_eq!(found(&json!(["a", " "])), "a list with \" \"");
        assert_eq!(found(&json!([["a"]])), "a list with a list");
    }

    #[test]
    fn durations_have_a_minimum_and_a_maximum() {
        let expected = |text: &str| Kind::Duration { min: 10 }.parse(text).unwrap_err().expected;
        Kind::Duration { min: 10 }.parse("10ms").unwrap();
        Kind::Duration { min: 0 }.parse("0s").unwrap();
        assert!(expected("9ms").starts_with("a duration of at least 10ms such as"));
        assert!(
            expected("900years").ends_with(", at most 365days"),
            "{}",
            expected("900years")
        );
    }

    #[test]
    fn several_durations_are_a_list_or_have_commas_between_them() {
        let kind = Kind::Durations { min: 1000 };
        assert_eq!(kind.parse("1m, 10m").unwrap(), json!(["1m", "10m"]));
        assert_eq!(kind.read(&json!(["1m", "1h"])).unwrap(), json!(["1m", "1h"]));
        assert_eq!(kind.read(&json!("1m,1h")).unwrap(), json!(["1m", "1h"]));
        assert_eq!(kind.read(&json!(["1m", 5])).unwrap_err().found, "5");
        assert!(
            kind.parse("1m,1ms")
                .unwrap_err()
                .expected
                .starts_with("a duration of at least 1000ms")
        );
    }

    #[test]
    fn a_mismatch_says_what_was_found_and_what_was_expected() {
        let mismatch = Kind::Count { min: 1, max: MOST }
            .read(&json!("many"))
            .unwrap_err();
        assert_eq!(mismatch.found, "\"many\"");
        assert_eq!(mismatch.expected, "a whole number of at least 1");
        let mismatch = Kind::Choice(&["key", "partition"])
            .read(&json!("partitions"))
            .unwrap_err();
        assert_eq!(
            mismatch.expected,
            "one of \"key\", \"partition\"; did you mean \"partition\"?"
        );
    }

    #[test]
    fn a_mismatch_never_shows_a_secret() {
        assert_eq!(Kind::Secret.read(&json!(12345)).unwrap_err().found, "a number");
        assert_eq!(
            Kind::Urls.parse("ftp://u:hunter2@h").unwrap_err().found,
            "\"ftp://u:***@h\""
        );
    }

    #[test]
    fn inner_tables_of_a_table_of_texts_are_names_with_dots() {
        let table = json!({"fetch": {"min": {"bytes": 1}}, "linger.ms": "5"});
        let found = entries(Kind::Pairs("a text"), table.as_object().unwrap());
        let names: Vec<_> = found.into_iter().map(|(name, _)| name.join("/")).collect();
        assert_eq!(names, ["fetch.min.bytes", "linger.ms"]);
    }

    #[test]
    fn a_free_entry_has_the_type_of_its_text() {
        assert_eq!(entry_text(Kind::Free, "5"), json!(5));
        assert_eq!(entry_text(Kind::Free, "\"5\""), json!("5"));
        assert_eq!(entry_text(Kind::Free, "five"), json!("five"));
        assert_eq!(entry_text(Kind::Pairs("a text"), "5"), json!("5"));
    }
}
