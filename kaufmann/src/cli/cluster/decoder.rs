//! Decodes records to JSON with their writers' schemas.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaufmann_avro::json::decode_json;
use kaufmann_avro::model::{Kind, Node};
use kaufmann_avro::{Cursor, DecodeError, Schema};
use serde_json::Value;

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::handler::event::EventInfo;
use crate::record::Record;
use crate::record::names::TYPE;
use crate::record::wire::{SchemaKey, frame};
use crate::schema::registry::{RegistryErrorKind, RestRegistry, SchemaRegistry};

/// Decodes records.
pub(crate) struct Decoder {
    registry: Arc<dyn SchemaRegistry>,
    /// The names of the service's events by their schemas' full names.
    events: HashMap<&'static str, &'static str>,
    /// The schemas that were looked up; those that are unreadable, with the reason and the time of the next look-up.
    schemas: HashMap<SchemaKey, Known>,
}

/// The result of looking up a schema.
enum Known {
    Schema(Arc<Schema>),
    Unreadable(Unreadable, Instant),
}

/// Why there is no schema.
#[derive(Clone)]
struct Unreadable {
    why: String,
    /// Whether a later look-up may succeed.
    temporary: bool,
}

/// How long a schema counts as unreadable before it is looked up again, in case the registry has changed.
const RECHECK: Duration = Duration::from_secs(60);
/// The same after a temporary failure.
const RECHECK_TEMPORARY: Duration = Duration::from_secs(5);

/// A record as JSON.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Decoded {
    /// The event's name, from the header or the schema.
    pub(crate) event: Option<String>,
    pub(crate) payload: Payload,
}

/// A decoded payload.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Payload {
    Json(Value),
    Tombstone,
    /// Unreadable, with the reason.
    Unreadable(String),
}

impl Decoder {
    /// A decoder with the configured registry.
    pub(crate) fn new(config: &Config, events: &[&'static EventInfo]) -> Result<Self, Error> {
        if config.registry.url.is_empty() {
            let text = "records are decoded with their writers' schemas, but no schema registry is configured; set \
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

    /// Decodes a record. A record that cannot be decoded is [`Payload::Unreadable`].
    ///
    /// # Errors
    ///
    /// If the registry is unavailable or refuses access.
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
            Err(unreadable) => return Ok(decoded(named, Payload::Unreadable(unreadable.why))),
        };
        let datum = record
            .payload()
            .unwrap_or_default()
            .get(body..)
            .unwrap_or_default();
        let (node, datum) = match branch(&schema, datum) {
            Ok(found) => found,
            Err(error) => return Ok(decoded(named, Payload::Unreadable(error.to_string()))),
        };
        let payload = match decode_json(&schema.model, node, datum) {
            Ok(value) => Payload::Json(value),
            Err(error) => Payload::Unreadable(error.to_string()),
        };
        Ok(decoded(named.or_else(|| self.name_of(&schema, node)), payload))
    }

    /// The name of a record's event, if the header or the schema has it, without decoding the payload.
    ///
    /// # Errors
    ///
    /// If the registry is unavailable or refuses access.
    pub(crate) async fn event(&mut self, record: &Record) -> Result<Option<String>, Error> {
        if let Some(name) = record.header(TYPE) {
            return Ok(Some(String::from_utf8_lossy(name).into_owned()));
        }
        let Ok(Some(frame)) = frame(record) else {
            return Ok(None);
        };
        let schema = match self.schema(frame.schema).await? {
            Ok(schema) => schema,
            // It may be the wanted event, so it must not be skipped.
            Err(Unreadable { why, temporary: true }) => return Err(unavailable().caused_by(why)),
            Err(_) => return Ok(None),
        };
        let datum = record.payload().and_then(|payload| payload.get(frame.body..));
        let found = branch(&schema, datum.unwrap_or_default());
        Ok(found.ok().and_then(|(node, _)| self.name_of(&schema, node)))
    }

    fn name_of(&self, schema: &Schema, node: &Node) -> Option<String> {
        let Kind::Named(id) = node.kind else {
            return None;
        };
        let full = schema.model.get(id).name.to_string();
        Some(
            self.events
                .get(full.as_str())
                .map_or(full, |name| (*name).to_owned()),
        )
    }

    async fn schema(&mut self, key: SchemaKey) -> Result<Result<Arc<Schema>, Unreadable>, Error> {
        match self.schemas.get(&key) {
            Some(Known::Schema(schema)) => return Ok(Ok(Arc::clone(schema))),
            Some(Known::Unreadable(unreadable, until)) if Instant::now() < *until => {
                return Ok(Err(unreadable.clone()));
            }
            _ => {}
        }
        let text = match key {
            SchemaKey::Id(id) => self.registry.schema(id).await,
            SchemaKey::Guid(guid) => self.registry.schema_by_guid(guid).await,
        };
        let unreadable = match text {
            Ok(text) => match Schema::parse(&text) {
                Ok(schema) => {
                    let schema = Arc::new(schema);
                    self.schemas.insert(key, Known::Schema(Arc::clone(&schema)));
                    return Ok(Ok(schema));
                }
                Err(errors) => {
                    let first = errors.first().map(ToString::to_string).unwrap_or_default();
                    let why = format!("the writer's schema ({key}) is not an Avro schema: {first}");
                    Unreadable {
                        why,
                        temporary: false,
                    }
                }
            },
            // Without a connection or credentials, every record would fail in the same way, after the same wait.
            Err(error) if error.concerns_all() => return Err(unavailable().caused_by(error)),
            Err(error) => {
                let why = format!("the writer's schema ({key}) is unavailable: {error}");
                let is_final = matches!(
                    error.kind(),
                    RegistryErrorKind::Unknown | RegistryErrorKind::Refused
                );
                Unreadable {
                    why,
                    temporary: !is_final,
                }
            }
        };
        let holds = if unreadable.temporary {
            RECHECK_TEMPORARY
        } else {
            RECHECK
        };
        self.schemas
            .insert(key, Known::Unreadable(unreadable.clone(), Instant::now() + holds));
        Ok(Err(unreadable))
    }
}

fn unavailable() -> Error {
    let text = "the writers' schemas are unavailable; check `registry.url`, or use --raw";
    Error::new(ErrorKind::Schema, text)
}

/// The type and bytes of a datum; for a union, those of its branch.
fn branch<'s, 'd>(schema: &'s Schema, datum: &'d [u8]) -> Result<(&'s Node, &'d [u8]), DecodeError> {
    let Kind::Union(branches) = &schema.root.kind else {
        return Ok((&schema.root, datum));
    };
    let mut cursor = Cursor::new(datum);
    let branch = cursor.branch(branches.len())?;
    Ok((&branches[branch], &datum[cursor.position()..]))
}

fn decoded(event: Option<String>, payload: Payload) -> Decoded {
    Decoded { event, payload }
}
