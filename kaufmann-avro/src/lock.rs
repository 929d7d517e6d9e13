//! `schemas.lock`: what the schema registry holds of each event, kept beside the schemas and committed with them.
//!
//! The build compares each schema with its locked versions ([`check`]), so that a change that breaks existing readers or
//! records fails at once, without a registry. The commands that register or pull schemas edit the lock:
//!
//! ```
//! use kaufmann_avro::compatibility::Level;
//! use kaufmann_avro::lock::{Lock, LockedEvent, Version};
//!
//! let mut event = LockedEvent::new("user.create-value", Level::Backward);
//! event.insert(Version::new(1, 7, r#"{"type": "record", "name": "user.create", "fields": []}"#).unwrap());
//! let mut lock = Lock::default();
//! lock.insert("user.create", event);
//!
//! let text = lock.to_string();
//! assert_eq!(Lock::parse(&text).unwrap(), lock);
//! assert_eq!(lock.event("user.create").unwrap().latest().unwrap().id(), 7);
//! ```
//!
//! # The file
//!
//! ```toml
//! format = 1
//!
//! [event."user.create"]
//! subject = "user.create-value"
//! compatibility = "BACKWARD"
//!
//! [event."user.create".version.1]
//! id = 7
//! fingerprint = "05047c490942cd67"
//! references = [
//!   {name = "user.Address", subject = "user.Address", version = 2},
//! ]
//! schema = '''
//! {"type":"record","name":"create","namespace":"user","fields":[
//!   {"name":"email","type":"string"}
//! ]}
//! '''
//! ```
//!
//! It is TOML, in one fixed order: events by name, versions by number, one item a line. Every header names its event, so
//! that a merge by lines puts no version under another event. A version is never changed, only added, so what is reviewed
//! is a block of its own; its schema has a line for each field. Two branches that add the same version of one event
//! conflict, as they must: the registry gave the number to one of them.

mod check;
mod error;
mod parse;
mod render;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::check::{Break, Checked, Current, State, check, declared_level};
pub use self::error::{LockError, LockErrorKind};

use crate::compatibility::Level;
use crate::parse::SchemaError;
use crate::resolve::Typed;
use crate::schema::Schema;

/// The name of the file, beside the manifest of the service.
pub const FILE_NAME: &str = "schemas.lock";

/// What the registry holds of each event.
///
/// Displays as the text of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lock {
    events: BTreeMap<String, LockedEvent>,
}

/// What the registry holds of one event.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedEvent {
    /// The subject under which its schemas are registered.
    pub subject: String,
    /// The subject's compatibility level.
    pub level: Level,
    /// The number of the first version that counts. `schema reset` discards those before it.
    pub since: u32,
    versions: BTreeMap<u32, Version>,
}

/// A registered version of an event's schema.
#[derive(Clone, Debug)]
pub struct Version {
    number: u32,
    id: u32,
    references: Vec<Reference>,
    text: String,
    schema: Schema,
}

/// A schema of another subject that a version refers to in the registry. In the lock the version's schema is complete
/// without it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// The name by which the schema refers to it.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its version.
    pub version: u32,
}

impl Lock {
    /// Reads the text of a lock.
    ///
    /// # Errors
    ///
    /// The first error, with its line and column: git's conflict markers, invalid TOML, an unknown or missing key, an
    /// invalid schema, or one whose fingerprint differs from the lock's.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        parse::parse(text)
    }

    /// The locked versions of the event.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&LockedEvent> {
        self.events.get(name)
    }

    /// The same, to change it.
    pub fn event_mut(&mut self, name: &str) -> Option<&mut LockedEvent> {
        self.events.get_mut(name)
    }

    /// All events with their names, sorted by name.
    pub fn events(&self) -> impl Iterator<Item = (&str, &LockedEvent)> {
        self.events.iter().map(|(name, event)| (name.as_str(), event))
    }

    /// Adds an event, or replaces it; returns what was there.
    pub fn insert(&mut self, name: impl Into<String>, event: LockedEvent) -> Option<LockedEvent> {
        self.events.insert(name.into(), event)
    }

    /// Removes an event; returns what was there.
    pub fn remove(&mut self, name: &str) -> Option<LockedEvent> {
        self.events.remove(name)
    }
}

impl LockedEvent {
    /// An event of which no version is registered.
    #[must_use]
    pub fn new(subject: impl Into<String>, level: Level) -> Self {
        Self {
            subject: subject.into(),
            level,
            since: 1,
            versions: BTreeMap::new(),
        }
    }

    /// Adds a version, or replaces the one of its number; returns what was there.
    pub fn insert(&mut self, version: Version) -> Option<Version> {
        self.versions.insert(version.number, version)
    }

    /// Discards all versions: the history begins again with the one after the last.
    pub fn reset(&mut self) {
        self.since = self
            .latest()
            .map_or(self.since, |latest| latest.number.saturating_add(1));
        self.versions.clear();
    }

    /// Removes a version; returns what was there.
    pub fn remove(&mut self, number: u32) -> Option<Version> {
        self.versions.remove(&number)
    }

    /// The version of this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get(&number)
    }

    /// All versions, the oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.values()
    }

    /// The newest version.
    #[must_use]
    pub fn latest(&self) -> Option<&Version> {
        self.versions.values().next_back()
    }

    /// The newest version that equals this schema, docs aside.
    #[must_use]
    pub fn version_of(&self, schema: Typed<'_>) -> Option<&Version> {
        let text = text_of(schema);
        self.versions.values().rev().find(|version| version.text == text)
    }
}

impl Version {
    /// A version as the registry has it. `schema` is complete: it includes the types it refers to.
    ///
    /// # Errors
    ///
    /// All mistakes in the schema that would keep its records from being read.
    pub fn new(number: u32, id: u32, schema: &str) -> Result<Self, Vec<SchemaError>> {
        let schema = Schema::parse(schema)?;
        Ok(Self {
            number,
            id,
            references: Vec::new(),
            text: text_of((&schema).into()),
            schema,
        })
    }

    /// The same version with the references that the registry has for it.
    #[must_use]
    pub fn with_references(mut self, references: impl IntoIterator<Item = Reference>) -> Self {
        self.references = references.into_iter().collect();
        self
    }

    /// Its number under the subject, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The registry's id of the schema.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What the registry's schema refers to.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The schema as one line of JSON, with everything but its docs.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// [`Schema::fingerprint`]: CRC-64-AVRO of the schema's parsing canonical form.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.schema.fingerprint()
    }
}

/// Two versions are equal if the lock has the same entries for them; positions in their schemas do not count.
impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |version: &'_ Self| (version.number, version.id);
        numbers(self) == numbers(other) && self.references == other.references && self.text == other.text
    }
}

/// How the lock writes a schema.
fn text_of(schema: Typed<'_>) -> String {
    schema.model.to_json_without_docs(schema.node)
}
