//! Records as JSON, by their writers' schemas.

use std::collections::HashMap;
use std::sync::Arc;

use kaufmann_avro::Schema;
use kaufmann_avro::json::decode_json;
use serde_json::Value;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::event::EventInfo;
use crate::publish::envelope::TYPE;
use crate::record::Record;
use crate::registry::{RegistryErrorKind, RestRegistry, SchemaRegistry};
use crate::wire::{SchemaKey, frame};

/// Decodes records.
pub(crate) struct Decoder {
    registry: Arc<dyn SchemaRegistry>,
    /// The names of the service's events by their schemas' full names.
    events: HashMap<&'static str, &'static str>,
    /// What is known of a schema, or why it is none.
    schemas: HashMap<SchemaKey, Result<Arc<Schema>, String>>,
}

/// A record as JSON.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Decoded {
    /// The event's name, if something says it.
    pub(crate) event: Option<String>,
    pub(crate) payload: Payload,
}

/// What a payload is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Payload {
    Json(Value),
    Tombstone,
    /// Why it cannot be read.
    Unreadable(String),
}

impl Decoder {
    /// A decoder that asks the registry of `config`.
    pub(crate) fn new(config: &Config, events: &[&'static EventInfo]) -> Result<Self, Error> {
        if config.registry.url.is_empty() {
            let text = "records are decoded by their writers' schemas, but no schema registry is configured; set \
                        `registry.url`, or use --raw";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(Self::with(Arc::new(RestRegistry::new(&config.registry)?), events))
    }

    pub(super) fn with(registry: Arc<dyn SchemaRegistry>, events: &[&'static EventInfo]) -> Self {
        Self {
            registry,
            events: events.iter().map(|info| (info.full_name, info.name)).collect(),
            schemas: HashMap::new(),
        }
    }

    /// Decodes a record. What is wrong with it is in the answer.
    ///
    /// # Errors
    ///
    /// If the registry cannot be asked.
    pub(crate) async fn decode(&mut self, record: &Record) -> Result<Decoded, Error> {
        let named = record
            .header(TYPE)
            .map(|name| String::from_utf8_lossy(name).into_owned());
        let (key, body) = match frame(record) {
            Ok(Some(frame)) => (frame.schema, frame.body),
            Ok(None) => return Ok(decoded(named, Payload::Tombstone)),
            Err(unframed) => return Ok(decoded(named, Payload::Unreadable(unframed.to_string()))),
        };
        let schema = match self.schema(key).await? {
            Ok(schema) => schema,
            Err(why) => return Ok(decoded(named, Payload::Unreadable(why))),
        };
        let event = named.or_else(|| self.name_of(&schema));
        let datum = record
            .payload()
            .unwrap_or_default()
            .get(body..)
            .unwrap_or_default();
        let payload = match decode_json(&schema.model, &schema.root, datum) {
            Ok(value) => Payload::Json(value),
            Err(error) => Payload::Unreadable(error.to_string()),
        };
        Ok(decoded(event, payload))
    }

    /// The event's name, if something says it, without its payload.
    ///
    /// # Errors
    ///
    /// If the registry cannot be asked.
    pub(crate) async fn event(&mut self, record: &Record) -> Result<Option<String>, Error> {
        if let Some(name) = record.header(TYPE) {
            return Ok(Some(String::from_utf8_lossy(name).into_owned()));
        }
        let Ok(Some(frame)) = frame(record) else {
            return Ok(None);
        };
        let schema = self.schema(frame.schema).await?;
        Ok(schema.ok().and_then(|schema| self.name_of(&schema)))
    }

    fn name_of(&self, schema: &Schema) -> Option<String> {
        let full = schema.name()?.to_string();
        Some(
            self.events
                .get(full.as_str())
                .map_or(full, |name| (*name).to_owned()),
        )
    }

    async fn schema(&mut self, key: SchemaKey) -> Result<Result<Arc<Schema>, String>, Error> {
        if let Some(known) = self.schemas.get(&key) {
            return Ok(known.clone());
        }
        let text = match key {
            SchemaKey::Id(id) => self.registry.schema(id).await,
            SchemaKey::Guid(guid) => self.registry.schema_by_guid(guid).await,
        };
        let schema = match text {
            Ok(text) => Schema::parse(&text).map(Arc::new).map_err(|errors| {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                format!("the writer's schema ({key}) is not an Avro schema: {first}")
            }),
            Err(error) if error.kind() == RegistryErrorKind::Unknown => Err(error.to_string()),
            Err(error) => {
                let text = "the writers' schemas cannot be had; check `registry.url`, or use --raw";
                return Err(Error::new(ErrorKind::Schema, text).caused_by(error));
            }
        };
        self.schemas.insert(key, schema.clone());
        Ok(schema)
    }
}

fn decoded(event: Option<String>, payload: Payload) -> Decoded {
    Decoded { event, payload }
}
