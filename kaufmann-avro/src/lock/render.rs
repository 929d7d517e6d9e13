//! From a lock to its text.

use std::fmt;

use super::{Lock, LockedEvent, Version};

/// The version of the format that is written and read.
pub(super) const FORMAT: i64 = 1;

const HEAD: &str = "\
# What the schema registry holds of each event. The build fails on a schema that breaks it.
# Written by `schema register` and `schema pull`; commit it with the schemas.
";

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}format = {FORMAT}")?;
        for (name, event) in &self.events {
            write_event(f, &quoted(name), event)?;
        }
        Ok(())
    }
}

fn write_event(f: &mut fmt::Formatter<'_>, name: &str, event: &LockedEvent) -> fmt::Result {
    writeln!(f, "\n[event.{name}]")?;
    writeln!(f, "subject = {}", quoted(&event.subject))?;
    writeln!(f, "compatibility = \"{}\"", event.level)?;
    if event.since > 1 {
        writeln!(f, "since = {}", event.since)?;
    }
    event
        .versions()
        .try_for_each(|version| write_version(f, name, version))
}

fn write_version(f: &mut fmt::Formatter<'_>, name: &str, version: &Version) -> fmt::Result {
    writeln!(f, "\n[event.{name}.version.{}]", version.number)?;
    writeln!(f, "id = {}", version.id)?;
    writeln!(f, "fingerprint = \"{:016x}\"", version.fingerprint())?;
    if !version.references.is_empty() {
        writeln!(f, "references = [")?;
        for reference in &version.references {
            let (name, subject) = (quoted(&reference.name), quoted(&reference.subject));
            let number = reference.version;
            writeln!(f, "  {{name = {name}, subject = {subject}, version = {number}}},")?;
        }
        writeln!(f, "]")?;
    }
    writeln!(f, "schema = '''\n{}\n'''", literal(&wrapped(&version.text)))
}

/// A TOML string: a JSON string, except for the delete character, which only JSON allows unescaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// JSON that is valid between `'''`. Characters that are not allowed there are only within its strings, where they are escaped.
fn literal(json: &str) -> String {
    let json = json.replace('\u{7f}', "\\u007f");
    if json.contains("'''") {
        json.replace('\'', "\\u0027")
    } else {
        json
    }
}

/// Compact JSON with a line for each item of each `"fields"`.
fn wrapped(json: &str) -> String {
    const FIELDS: &str = "\"fields\":[";
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    // The brackets around: whether the items of each have lines of their own.
    let mut around = Vec::new();
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let lists = rest.starts_with(FIELDS) && !rest[FIELDS.len()..].starts_with(']');
        let token = match first {
            '"' if lists => FIELDS.len(),
            '"' => string(rest),
            _ => first.len_utf8(),
        };
        let inner = around.last() == Some(&true);
        match first {
            '"' if lists => around.push(true),
            '[' | '{' => around.push(false),
            ']' | '}' => drop(around.pop()),
            _ => {}
        }
        let line = |out: &mut String| {
            out.push('\n');
            out.extend(around.iter().filter(|listed| **listed).map(|_| "  "));
        };
        if first == ']' && inner {
            line(&mut out);
        }
        out.push_str(&rest[..token]);
        if lists || (first == ',' && inner) {
            line(&mut out);
        }
        rest = &rest[token..];
    }
    out
}

/// The length of the JSON string at the beginning.
fn string(json: &str) -> usize {
    let mut escaped = false;
    for (at, char) in json.char_indices().skip(1) {
        match char {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    json.len()
}
