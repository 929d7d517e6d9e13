//! A registry in the process: for tests and for `dev`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::{Answer, RegistryError, RegistryErrorKind, SchemaRegistry, SubjectVersion};

/// A schema registry in memory. Clones share their schemas.
///
/// A schema has the same id under every subject. Compatibility is not checked.
///
/// ```
/// use kaufmann::registry::EmbeddedRegistry;
///
/// let registry = EmbeddedRegistry::new();
/// let id = registry.add("user.create", r#"{"type": "record", "name": "create", "fields": []}"#)?;
/// assert_eq!(registry.add("again", r#"{"name": "create", "type": "record", "fields": []}"#)?, id);
/// # Ok::<(), kaufmann::registry::RegistryError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EmbeddedRegistry(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    schemas: BTreeMap<u32, Stored>,
    /// Ids in the order of their versions, which count from 1.
    subjects: BTreeMap<String, Vec<u32>>,
}

#[derive(Debug)]
struct Stored {
    text: String,
    /// Two texts are the same schema if they are the same JSON.
    json: Value,
    guid: [u8; 16],
}

impl EmbeddedRegistry {
    /// A registry without schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a schema under a subject, if it is not there yet, and returns its id. Ids count from 1.
    ///
    /// # Errors
    ///
    /// If the text is not an Avro schema.
    pub fn add(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let json = read(subject, schema)?;
        let mut store = self.store();
        let id = store
            .find(&json)
            .unwrap_or_else(|| store.schemas.keys().last().map_or(1, |last| last + 1));
        store.put(id, subject, schema, json);
        Ok(id)
    }

    /// Registers a schema under this id, for tests that need a certain one. Replaces the schema that had the id.
    ///
    /// # Errors
    ///
    /// If the text is not an Avro schema.
    pub fn add_with_id(&self, id: u32, subject: &str, schema: &str) -> Result<(), RegistryError> {
        let json = read(subject, schema)?;
        let mut store = self.store();
        store.schemas.remove(&id);
        store.put(id, subject, schema, json);
        Ok(())
    }

    /// All subjects.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.store().subjects.keys().cloned().collect()
    }

    /// The versions of a subject, the oldest first; empty if there is no such subject.
    #[must_use]
    pub fn versions(&self, subject: &str) -> Vec<SubjectVersion> {
        let store = self.store();
        let ids = store.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        let versions = ids.iter().zip(1..).filter_map(|(id, version)| {
            let schema = store.schemas.get(id)?.text.clone();
            Some(SubjectVersion {
                subject: subject.to_owned(),
                version,
                id: *id,
                schema,
                references: Vec::new(),
            })
        });
        versions.collect()
    }

    pub(super) fn text(&self, id: u32) -> Option<String> {
        self.store().schemas.get(&id).map(|stored| stored.text.clone())
    }

    pub(super) fn text_by_guid(&self, guid: [u8; 16]) -> Option<String> {
        self.store()
            .schemas
            .values()
            .find(|stored| stored.guid == guid)
            .map(|stored| stored.text.clone())
    }

    /// The GUID of the schema with this id, as a header id carries it.
    #[must_use]
    pub fn guid(&self, id: u32) -> Option<[u8; 16]> {
        self.store().schemas.get(&id).map(|stored| stored.guid)
    }

    pub(super) fn find(&self, subject: &str, schema: &str) -> Result<Option<u32>, RegistryError> {
        let json = read(subject, schema)?;
        let store = self.store();
        let found = store.find(&json);
        Ok(found.filter(|id| store.subjects.get(subject).is_some_and(|ids| ids.contains(id))))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // No call leaves the store half-changed, so it is intact after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn find(&self, json: &Value) -> Option<u32> {
        self.schemas
            .iter()
            .find(|(_, stored)| stored.json == *json)
            .map(|(id, _)| *id)
    }

    fn put(&mut self, id: u32, subject: &str, text: &str, json: Value) {
        self.schemas.entry(id).or_insert_with(|| Stored {
            text: text.to_owned(),
            guid: guid_of(text),
            json,
        });
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        if !versions.contains(&id) {
            versions.push(id);
        }
    }
}

fn guid_of(text: &str) -> [u8; 16] {
    let hash = kaufmann_avro::sha256(text.as_bytes());
    std::array::from_fn(|at| hash[at])
}

fn read(subject: &str, schema: &str) -> Result<Value, RegistryError> {
    let refused = |why: String| {
        RegistryError::new(
            RegistryErrorKind::Refused,
            format!("embedded registry: the text for the subject `{subject}` is not an Avro schema: {why}"),
        )
    };
    let json = serde_json::from_str(schema).map_err(|error| refused(error.to_string()))?;
    match kaufmann_avro::Schema::parse(schema) {
        Ok(_) => Ok(json),
        Err(errors) => Err(refused(
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )),
    }
}

fn unknown(what: &str) -> RegistryError {
    RegistryError::new(
        RegistryErrorKind::Unknown,
        format!("embedded registry: no schema with the {what}"),
    )
}

impl SchemaRegistry for EmbeddedRegistry {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        Box::pin(async move { self.text(id).ok_or_else(|| unknown(&format!("id {id}"))) })
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        Box::pin(async move {
            let shown = uuid::Uuid::from_bytes(guid);
            self.text_by_guid(guid)
                .ok_or_else(|| unknown(&format!("GUID {shown}")))
        })
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async move { self.find(subject, schema) })
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        Box::pin(async move { self.add(subject, schema) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = r#"{"type": "record", "name": "a", "fields": []}"#;
    const B: &str = r#"{"type": "record", "name": "b", "fields": []}"#;

    #[tokio::test]
    async fn what_is_registered_is_found_by_id_guid_and_subject() {
        let registry = EmbeddedRegistry::new();
        let id = registry.register("s", A).await.unwrap();
        assert_eq!(registry.schema(id).await.unwrap(), A);
        assert_eq!(
            registry.schema_by_guid(registry.guid(id).unwrap()).await.unwrap(),
            A
        );
        assert_eq!(registry.lookup("s", A).await.unwrap(), Some(id));
        assert_eq!(registry.lookup("other", A).await.unwrap(), None);
        assert_eq!(registry.lookup("s", B).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_lookup_registers_nothing() {
        let registry = EmbeddedRegistry::new();
        assert_eq!(registry.lookup("s", A).await.unwrap(), None);
        assert_eq!(registry.subjects(), [""; 0]);
    }

    #[test]
    fn versions_count_per_subject_and_ids_over_all() {
        let registry = EmbeddedRegistry::new();
        let ids = [("s", A), ("s", B), ("s", A), ("t", B)]
            .map(|(subject, schema)| registry.add(subject, schema).unwrap());
        assert_eq!(ids, [1, 2, 1, 2]);
        let versions: Vec<_> = registry
            .versions("s")
            .into_iter()
            .map(|v| (v.version, v.id))
            .collect();
        assert_eq!(versions, [(1, 1), (2, 2)]);
        assert_eq!(registry.versions("t").len(), 1);
        assert_eq!(registry.versions("nothing"), []);
    }

    #[test]
    fn an_id_can_be_chosen_and_later_ones_continue_from_it() {
        let registry = EmbeddedRegistry::new();
        registry.add_with_id(41, "s", A).unwrap();
        assert_eq!(registry.add("s", B).unwrap(), 42);
    }

    #[tokio::test]
    async fn an_unknown_id_is_unknown_and_an_invalid_schema_is_refused() {
        let registry = EmbeddedRegistry::new();
        let error = registry.schema(7).await.unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Unknown);
        assert_eq!(error.to_string(), "embedded registry: no schema with the id 7");
        for text in ["{", r#"{"type": "recrd", "name": "a"}"#] {
            assert_eq!(
                registry.add("s", text).unwrap_err().kind(),
                RegistryErrorKind::Refused,
                "{text}"
            );
        }
    }
}
