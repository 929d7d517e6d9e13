//! From a schema's id to what it means here: which handler takes its events, and which id our own events carry.
//!
//! An id is asked for once, however many records wait for it, and what the registry answered is kept for ever: ids are
//! immutable. A failed look-up is never kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use kaufmann_avro::Schema;
use tokio::sync::OnceCell;

use crate::event::EventInfo;
use crate::handler::HandlerEntry;
use crate::registry::{RegistryError, SchemaRegistry};
use crate::wire::SchemaKey;

/// What the runtime knows of schemas.
pub(crate) struct Schemas {
    registry: Arc<dyn SchemaRegistry>,
    readers: Vec<Reader>,
    catch_all: Option<u32>,
    writers: RwLock<HashMap<SchemaKey, Arc<Writer>>>,
    flights: Mutex<HashMap<SchemaKey, Arc<OnceCell<Arc<Writer>>>>>,
    ids: Mutex<HashMap<String, Arc<OnceCell<u32>>>>,
}

/// An event that a handler takes.
struct Reader {
    handler: u32,
    info: &'static EventInfo,
    identity: String,
}

/// What a writer's schema means here.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The schema's full name; empty if it has none.
    name: String,
    /// The name of our event, if a handler takes it: what `ce_type` usually says.
    event: Option<&'static str>,
    identity: String,
    route: Route,
    /// Why its data cannot be read, whatever handler they are for.
    unusable: Option<String>,
}

/// What becomes of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// The handler at this place takes it.
    Handler(u32),
    /// No handler wants it.
    Unwanted,
    /// A handler wants it, but it cannot be decoded.
    Undecodable(Arc<str>),
}

impl Schemas {
    /// Knows the events of these handlers.
    ///
    /// # Panics
    ///
    /// If an event's schema is not a schema; generated events always have one.
    #[must_use]
    pub(crate) fn new(registry: Arc<dyn SchemaRegistry>, handlers: &'static [HandlerEntry]) -> Self {
        let mut readers = Vec::new();
        let mut catch_all = None;
        for (handler, entry) in (0u32..).zip(handlers) {
            match entry.event {
                Some(info) => readers.push(Reader {
                    handler,
                    info,
                    identity: identity_of(info),
                }),
                None => catch_all = Some(handler),
            }
        }
        Self {
            registry,
            readers,
            catch_all,
            writers: RwLock::default(),
            flights: Mutex::default(),
            ids: Mutex::default(),
        }
    }

    /// The writer's schema, if it is known already.
    pub(crate) fn known(&self, key: SchemaKey) -> Option<Arc<Writer>> {
        self.writers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned()
    }

    /// The writer's schema; the registry is asked if it is not known yet.
    pub(crate) async fn writer(&self, key: SchemaKey) -> Result<Arc<Writer>, RegistryError> {
        if let Some(writer) = self.known(key) {
            return Ok(writer);
        }
        let flight = Arc::clone(
            self.flights
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(key)
                .or_default(),
        );
        let writer = flight.get_or_try_init(|| self.fetch(key)).await?;
        self.writers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, Arc::clone(writer));
        self.flights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&key);
        Ok(Arc::clone(writer))
    }

    /// Where a record without an event's name goes that is no event: a tombstone.
    pub(crate) fn nameless(&self) -> Route {
        self.catch_all.map_or(Route::Unwanted, Route::Handler)
    }

    /// Where a record of this writer goes, if its header `ce_type` is `name`.
    pub(crate) fn route(&self, writer: &Writer, name: Option<&[u8]>) -> Route {
        match name {
            None => writer.route.clone(),
            Some(name) if writer.is_called(name) => writer.route.clone(),
            Some(name) => match self.reader_named(name) {
                Some(reader) => self.route_to(Some(reader), &writer.identity, writer.unusable.as_deref()),
                None => self.nameless(),
            },
        }
    }

    /// The id that an event of ours carries under `subject`; with `register` it is registered if it is not there.
    /// `Ok(None)`: the registry does not have it.
    pub(crate) async fn id_of(
        &self,
        info: &EventInfo,
        subject: &str,
        register: bool,
    ) -> Result<Option<u32>, RegistryError> {
        let cell = {
            let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ids.entry(subject.to_owned()).or_default())
        };
        let ask = async {
            if register {
                return self
                    .registry
                    .register(subject, info.schema)
                    .await
                    .map_err(Missing::Failed);
            }
            match self.registry.lookup(subject, info.schema).await {
                Ok(Some(id)) => Ok(id),
                Ok(None) => Err(Missing::Absent),
                Err(error) => Err(Missing::Failed(error)),
            }
        };
        match cell.get_or_try_init(|| ask).await {
            Ok(id) => Ok(Some(*id)),
            Err(Missing::Absent) => Ok(None),
            Err(Missing::Failed(error)) => Err(error),
        }
    }

    async fn fetch(&self, key: SchemaKey) -> Result<Arc<Writer>, RegistryError> {
        let text = match key {
            SchemaKey::Id(id) => self.registry.schema(id).await?,
            SchemaKey::Guid(guid) => self.registry.schema_by_guid(guid).await?,
        };
        Ok(Arc::new(self.read(key, &text)))
    }

    fn read(&self, key: SchemaKey, text: &str) -> Writer {
        match Schema::parse(text) {
            Ok(schema) => {
                let name = schema.name().map(ToString::to_string).unwrap_or_default();
                let identity = schema.identity();
                let reader = self.reader_named(name.as_bytes());
                let route = self.route_to(reader, &identity, None);
                Writer {
                    name,
                    event: reader.map(|reader| reader.info.name),
                    identity,
                    route,
                    unusable: None,
                }
            }
            Err(errors) => {
                let first = errors.first().map(ToString::to_string).unwrap_or_default();
                let reason = format!("the writer's schema ({key}) is not an Avro schema: {first}");
                let route = self.route_to(None, "", Some(&reason));
                Writer {
                    name: String::new(),
                    event: None,
                    identity: String::new(),
                    route,
                    unusable: Some(reason),
                }
            }
        }
    }

    fn reader_named(&self, name: &[u8]) -> Option<&Reader> {
        let named = |candidate: &&str| candidate.as_bytes() == name;
        let exact = |reader: &&Reader| named(&reader.info.name) || named(&reader.info.full_name);
        let former = |reader: &&Reader| reader.info.aliases.iter().any(named);
        self.readers
            .iter()
            .find(exact)
            .or_else(|| self.readers.iter().find(former))
    }

    fn route_to(&self, reader: Option<&Reader>, identity: &str, unusable: Option<&str>) -> Route {
        let Some(reader) = reader else {
            return match unusable {
                Some(reason) => Route::Undecodable(reason.into()),
                None => self.nameless(),
            };
        };
        if let Some(reason) = unusable {
            Route::Undecodable(reason.into())
        } else if reader.identity != identity {
            let name = reader.info.name;
            Route::Undecodable(
                format!(
                    "the writer's schema of `{name}` differs from the one this service was built with ({})",
                    reader.info.defined_at
                )
                .into(),
            )
        } else {
            Route::Handler(reader.handler)
        }
    }
}

impl Writer {
    fn is_called(&self, name: &[u8]) -> bool {
        self.event.is_some_and(|event| event.as_bytes() == name) || self.name.as_bytes() == name
    }
}

/// Why an id is not to be had.
enum Missing {
    Absent,
    Failed(RegistryError),
}

fn identity_of(info: &EventInfo) -> String {
    let schema = Schema::parse(info.schema).expect("the generator wrote this schema from its own model");
    schema.identity()
}

impl fmt::Display for SchemaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id}"),
            Self::Guid(guid) => write!(f, "GUID {}", uuid::Uuid::from_bytes(*guid)),
        }
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").finish_non_exhaustive()
    }
}
