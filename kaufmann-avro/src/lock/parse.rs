//! From the text of a lock to a [`Lock`], or to the first error in it.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{LockError, LockErrorKind};
use super::render::FORMAT;
use super::{Lock, LockedEvent, Reference, Version};
use crate::compatibility::{Level, UnknownLevel};
use crate::parse::SchemaError;
use crate::suggest::closest;

type Result<T> = std::result::Result<T, LockError>;
type Key<'t> = Spanned<Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

pub(super) fn parse(text: &str) -> Result<Lock> {
    let reader = Reader { text };
    reader.conflict()?;
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().unwrap_or_default();
        reader.error(&at, LockErrorKind::Toml(error.message().replace('\n', ", ")))
    })?;
    reader.lock(&Table {
        what: "the lock".to_owned(),
        at: 0..0,
        entries: table.get_ref(),
    })
}

struct Reader<'t> {
    text: &'t str,
}

/// A table, and how errors name it.
struct Table<'v, 't> {
    what: String,
    at: Range<usize>,
    entries: &'v DeTable<'t>,
}

impl<'t> Reader<'t> {
    /// No valid line of a lock begins like git's conflict markers.
    fn conflict(&self) -> Result<()> {
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            let marks = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
            if marks.iter().any(|mark| line.starts_with(mark)) {
                return Err(self.error(&(at..at), LockErrorKind::Conflict));
            }
            at += line.len();
        }
        Ok(())
    }

    fn lock(&self, table: &Table<'_, 't>) -> Result<Lock> {
        // Another format may have other keys, so this goes first.
        let format = self.required(table, "format")?;
        match integer(format) {
            Some(FORMAT) => {}
            Some(other) => return Err(self.error(&format.span(), LockErrorKind::Format(other))),
            None => return Err(self.value("format", format, "a number")),
        }
        self.only(table, &["format", "event"])?;
        let mut lock = Lock::default();
        if let Some(events) = table.entries.get("event") {
            for (name, event) in self.table("event", events)? {
                let name = name.get_ref().as_ref();
                lock.insert(name, self.event(name, event)?);
            }
        }
        Ok(lock)
    }

    fn event(&self, name: &str, value: &Value<'t>) -> Result<LockedEvent> {
        let table = Table {
            what: format!("the event `{name}`"),
            at: value.span(),
            entries: self.table(name, value)?,
        };
        self.only(&table, &["subject", "compatibility", "since", "version"])?;
        let subject = self.string("subject", self.required(&table, "subject")?)?;
        let level = self.required(&table, "compatibility")?;
        let level = self
            .string("compatibility", level)?
            .parse()
            .map_err(|_: UnknownLevel| {
                self.value("compatibility", level, &format!("one of {}", Level::list()))
            })?;
        let mut event = LockedEvent::new(subject, level);
        if let Some(since) = table.entries.get("since") {
            event.since = self.number("since", since)?.max(1);
        }
        if let Some(versions) = table.entries.get("version") {
            for (number, version) in self.table("version", versions)? {
                let at = number.span();
                let number = number.get_ref().parse().ok().filter(|number| *number > 0);
                let number = number.ok_or_else(|| self.value_at("version", &at, "a number from 1"))?;
                event.insert(self.version(name, number, version)?);
            }
        }
        Ok(event)
    }

    fn version(&self, event: &str, number: u32, value: &Value<'t>) -> Result<Version> {
        let table = Table {
            what: format!("version {number} of `{event}`"),
            at: value.span(),
            entries: self.table("version", value)?,
        };
        self.only(&table, &["id", "fingerprint", "references", "schema"])?;
        let id = self.number("id", self.required(&table, "id")?)?;
        let schema = self.required(&table, "schema")?;
        let version = Version::new(number, id, &self.string("schema", schema)?)
            .map_err(|errors| self.schema(event, number, schema, &errors))?;
        self.fingerprint(event, &table, &version)?;
        let references = table.entries.get("references");
        Ok(version.with_references(match references {
            Some(references) => self.references(references)?,
            None => Vec::new(),
        }))
    }

    fn schema(&self, event: &str, version: u32, value: &Value<'t>, errors: &[SchemaError]) -> LockError {
        let first = errors.first();
        let kind = LockErrorKind::Schema {
            event: event.to_owned(),
            version,
            reason: first.map(|first| first.kind.to_string()).unwrap_or_default(),
        };
        let begin = self.error(&value.span(), kind);
        // Between `'''` the lines of the file are those of the schema.
        let text = self.text.get(value.span()).unwrap_or_default();
        match first.filter(|_| text.starts_with("'''\n") || text.starts_with("'''\r\n")) {
            Some(first) => LockError {
                line: begin.line + first.line,
                column: first.column,
                kind: begin.kind,
            },
            None => begin,
        }
    }

    fn fingerprint(&self, event: &str, table: &Table<'_, 't>, version: &Version) -> Result<()> {
        let value = self.required(table, "fingerprint")?;
        let text = self.string("fingerprint", value)?;
        let locked = u64::from_str_radix(&text, 16)
            .map_err(|_| self.value("fingerprint", value, "16 hexadecimal digits"))?;
        let found = version.fingerprint();
        if found == locked {
            return Ok(());
        }
        let kind = LockErrorKind::Fingerprint {
            event: event.to_owned(),
            version: version.number,
            found,
            locked,
        };
        Err(self.error(&value.span(), kind))
    }

    fn references(&self, value: &Value<'t>) -> Result<Vec<Reference>> {
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.value("references", value, "an array"));
        };
        let reference = |item: &Value<'t>| {
            let table = Table {
                what: "the reference".to_owned(),
                at: item.span(),
                entries: self.table("references", item)?,
            };
            self.only(&table, &["name", "subject", "version"])?;
            Ok(Reference {
                name: self.string("name", self.required(&table, "name")?)?,
                subject: self.string("subject", self.required(&table, "subject")?)?,
                version: self.number("version", self.required(&table, "version")?)?,
            })
        };
        items.iter().map(reference).collect()
    }

    /// The table may have only these keys.
    fn only(&self, table: &Table<'_, 't>, keys: &[&'static str]) -> Result<()> {
        let known = |key: &Key<'t>| keys.contains(&key.get_ref().as_ref());
        // The first of the file, whatever the order of the table is.
        let written = table.entries.iter().map(|(key, _)| key);
        match written
            .filter(|key| !known(key))
            .min_by_key(|key| key.span().start)
        {
            None => Ok(()),
            Some(key) => {
                let kind = LockErrorKind::UnknownKey {
                    key: key.get_ref().to_string(),
                    suggestion: closest(key.get_ref(), keys.iter().copied()).map(str::to_owned),
                };
                Err(self.error(&key.span(), kind))
            }
        }
    }

    fn required<'v>(&self, table: &Table<'v, 't>, key: &'static str) -> Result<&'v Value<'t>> {
        table.entries.get(key).ok_or_else(|| {
            let of = table.what.clone();
            self.error(&table.at, LockErrorKind::MissingKey { of, key })
        })
    }

    fn table<'v>(&self, key: &str, value: &'v Value<'t>) -> Result<&'v DeTable<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.value(key, value, "a table")),
        }
    }

    fn string(&self, key: &str, value: &Value<'t>) -> Result<String> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.value(key, value, "a string")),
        }
    }

    fn number(&self, key: &str, value: &Value<'t>) -> Result<u32> {
        let number = integer(value).and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.value(key, value, "a number from 0 to 4294967295"))
    }

    fn value(&self, key: &str, value: &Value<'t>, expected: &str) -> LockError {
        let found = match value.get_ref() {
            DeValue::Table(_) => "a table",
            DeValue::Array(_) => "an array",
            _ => return self.value_at(key, &value.span(), expected),
        };
        self.unexpected(key, &value.span(), found.to_owned(), expected)
    }

    /// The value as the file has it.
    fn value_at(&self, key: &str, at: &Range<usize>, expected: &str) -> LockError {
        let found = self.text.get(at.clone()).unwrap_or_default().lines().next();
        self.unexpected(key, at, format!("`{}`", found.unwrap_or_default()), expected)
    }

    fn unexpected(&self, key: &str, at: &Range<usize>, found: String, expected: &str) -> LockError {
        let kind = LockErrorKind::Value {
            key: key.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        self.error(at, kind)
    }

    fn error(&self, at: &Range<usize>, kind: LockErrorKind) -> LockError {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        LockError {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            kind,
        }
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}
