//! From a schema's id to what it means here: which handler takes its events, and which id our own events carry.
//!
//! An id is asked for once, however many records wait for it, and what the registry answered is kept for ever: ids are
//! immutable. A failed look-up is never kept.

mod locked;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use kaufmann_avro::Schema;
use kaufmann_avro::resolve::Plan;
use tokio::sync::OnceCell;
use tracing::{debug, warn};

use crate::error::{Error, ErrorKind};
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
    ids: Mutex<HashMap<IdKey, Arc<OnceCell<u32>>>>,
}

/// An event's name and its subject, which several events of one topic may share.
type IdKey = (&'static str, String);

/// An event that a handler takes.
struct Reader {
    handler: u32,
    info: &'static EventInfo,
    schema: Schema,
}

/// What a writer's schema means here.
#[derive(Debug)]
pub(crate) struct Writer {
    key: SchemaKey,
    /// The schema's full name; empty if it has none.
    name: String,
    /// The name of our event, if a handler takes it: what `ce_type` usually says.
    event: Option<&'static str>,
    /// The schema, or why its data cannot be read, whatever handler they are for.
    schema: Result<Schema, Arc<str>>,
    route: Route,
    /// Where its records go for each of our readers; decided when the first one is for it.
    routes: Box<[OnceLock<Route>]>,
}

/// What becomes of a record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Route {
    /// The handler at this place takes it; the plan says how it is read if its writer had another schema.
    Handler(u32, Option<Arc<Plan>>),
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
                    schema: schema_of(info),
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

    /// Looks whether what was written with the locked versions of each handled event can be read.
    ///
    /// What is found out is not kept: ids belong to one registry, and the service may run against another than the lock's.
    ///
    /// # Errors
    ///
    /// If a version cannot be read that the event's compatibility level promises. Others are logged.
    pub(crate) fn read_locked(&self) -> Result<(), Error> {
        let mut promised = Vec::new();
        for reader in &self.readers {
            for found in locked::unreadable(reader.info, &reader.schema) {
                if found.promised {
                    promised.push(found.reason);
                } else {
                    let (event, reason) = (reader.info.name, found.reason);
                    warn!(event, reason, "records of a former version will be dead letters");
                }
            }
        }
        if promised.is_empty() {
            return Ok(());
        }
        let text = format!(
            "schemas break their compatibility level with `schemas.lock`:\n  {}\nread these versions again, or run \
             `schema reset` for the events whose break is meant, and build anew",
            promised.join("\n  ")
        );
        Err(Error::new(ErrorKind::Schema, text))
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
        self.catch_all
            .map_or(Route::Unwanted, |handler| Route::Handler(handler, None))
    }

    /// Where a record of this writer goes, if its header `ce_type` is `name`.
    pub(crate) fn route(&self, writer: &Writer, name: Option<&[u8]>) -> Route {
        match name {
            None => writer.route.clone(),
            Some(name) if writer.is_called(name) => writer.route.clone(),
            Some(name) => match self.reader_named(name) {
                Some(reader) => self.route_to(reader, writer),
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
            Arc::clone(ids.entry((info.name, subject.to_owned())).or_default())
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
        let schema = Schema::parse(text).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            Arc::from(format!(
                "the writer's schema ({key}) is not an Avro schema: {first}"
            ))
        });
        let name = schema.as_ref().ok().and_then(Schema::name);
        let mut writer = Writer {
            key,
            name: name.map(ToString::to_string).unwrap_or_default(),
            event: None,
            schema,
            route: Route::Unwanted,
            routes: self.readers.iter().map(|_| OnceLock::new()).collect(),
        };
        let reader = self.reader_named(writer.name.as_bytes());
        writer.event = reader.map(|reader| self.readers[reader].info.name);
        writer.route = match (&writer.schema, reader) {
            (Err(reason), _) => Route::Undecodable(Arc::clone(reason)),
            (Ok(_), None) => self.nameless(),
            (Ok(_), Some(reader)) => self.route_to(reader, &writer),
        };
        writer
    }

    /// The place of the reader with this name.
    fn reader_named(&self, name: &[u8]) -> Option<usize> {
        let named = |candidate: &&str| candidate.as_bytes() == name;
        let exact = |reader: &Reader| named(&reader.info.name) || named(&reader.info.full_name);
        let former = |reader: &Reader| reader.info.aliases.iter().any(&named);
        self.readers
            .iter()
            .position(exact)
            .or_else(|| self.readers.iter().position(former))
    }

    /// Where a record of this writer goes that is for this reader. What its schema means to the reader is found out once.
    fn route_to(&self, reader: usize, writer: &Writer) -> Route {
        let compile = || self.readers[reader].route(writer);
        writer.routes[reader].get_or_init(compile).clone()
    }
}

impl Reader {
    fn route(&self, writer: &Writer) -> Route {
        let schema = match &writer.schema {
            Ok(schema) => schema,
            Err(reason) => return Route::Undecodable(Arc::clone(reason)),
        };
        let (name, defined_at) = (self.info.name, self.info.defined_at);
        match Plan::new(schema, &self.schema) {
            Ok(plan) if plan.is_same() => Route::Handler(self.handler, None),
            Ok(plan) => {
                debug!(event = name, schema = %writer.key, "records of another schema are resolved");
                Route::Handler(self.handler, Some(Arc::new(plan)))
            }
            Err(errors) => {
                let errors = errors.iter().map(ToString::to_string).collect::<Vec<_>>();
                let reason = format!(
                    "the writer's schema ({}) cannot be read as `{name}` ({defined_at}): {}",
                    writer.key,
                    errors.join("; ")
                );
                warn!(event = name, schema = %writer.key, reason, "records of another schema are undecodable");
                Route::Undecodable(reason.into())
            }
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

fn schema_of(info: &EventInfo) -> Schema {
    Schema::parse(info.schema).expect("the generator wrote this schema from its own model")
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
