//! Resolves writers' schema ids: which handler takes their records, and which id the service's own events carry.
//!
//! An id is looked up once, however many records wait for it. A schema is kept for ever: ids are immutable. That an id cannot be
//! read is kept for a while ([`unreadable`]), so that a wrong answer of the registry does not last until the next start. A look-up
//! that failed for another reason is not kept.

mod locked;
mod unreadable;
mod unwanted;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use kaufmann_avro::model::Kind;
use kaufmann_avro::resolve::Plan;
use kaufmann_avro::{Cursor, Schema};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::unreadable::UnreadableIds;
use self::unwanted::Named;
pub(crate) use self::unwanted::Unwanted;
use crate::base::bounded_text::bounded;
use crate::base::error::{Error, ErrorKind};
use crate::config::RegistryConfig;
use crate::handler::HandlerEntry;
use crate::handler::event::EventInfo;
use crate::record::Record;
use crate::record::names::TYPE;
use crate::record::wire::SchemaKey;
use crate::schema::registry::{RegistryError, RegistryErrorKind, SchemaRegistry};

/// The writers' schemas that the runtime has resolved, and the ids of its own events.
pub(crate) struct Schemas {
    registry: Arc<dyn SchemaRegistry>,
    readers: Vec<Reader>,
    catch_all: Option<u32>,
    writers: RwLock<HashMap<SchemaKey, Arc<Writer>>>,
    flights: Mutex<HashMap<SchemaKey, Flight>>,
    unreadable: Mutex<UnreadableIds>,
    unwanted: Unwanted,
    ids: Mutex<HashMap<IdKey, Arc<OnceCell<u32>>>>,
}

/// A look-up in progress, shared by all records that wait for it.
type Flight = Arc<OnceCell<Arc<Writer>>>;

/// An event's name and its subject, which several events of one topic may share.
type IdKey = (&'static str, String);

/// An event that a handler takes.
struct Reader {
    handler: u32,
    info: &'static EventInfo,
    schema: Schema,
}

/// A writer's schema, and what its records mean to this service.
#[derive(Debug)]
pub(crate) struct Writer {
    key: SchemaKey,
    schema: Schema,
    /// The meaning of its records, unless their headers name another; for a union, that of each branch.
    meanings: Box<[Meaning]>,
    /// The route of its records to each reader; resolved with the first record.
    routes: Box<[OnceLock<Route>]>,
}

/// The meaning of one type's records.
#[derive(Debug)]
struct Meaning {
    /// The type's full name; `string` and the like for unnamed types.
    name: String,
    /// The name of the event, if a handler takes it: the usual `ce_type`.
    event: Option<&'static str>,
    route: Route,
    /// Whether it was reported that no handler takes it.
    is_reported: AtomicBool,
}

/// Why a writer's schema is not available.
#[derive(Debug)]
pub(crate) enum NoWriter {
    /// The registry's answer is final: records with this id cannot be read.
    Final(Arc<str>),
    /// A later look-up may find it.
    NotYet(RegistryError),
}

/// Where a record goes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Route {
    /// To the handler with this index; the plan says how it is read if its writer had another schema.
    Handler(u32, Option<Arc<Plan>>),
    /// No handler takes it.
    Unwanted,
    /// A handler takes its event, but it cannot be decoded.
    Undecodable(Arc<str>),
}

impl Schemas {
    /// The schemas for the events of these handlers.
    ///
    /// # Panics
    ///
    /// If an event's schema is invalid; that of a generated event never is.
    #[must_use]
    pub(crate) fn new(registry: Arc<dyn SchemaRegistry>, handlers: &'static [HandlerEntry]) -> Self {
        let mut readers = Vec::new();
        let mut catch_all = None;
        for (handler, entry) in (0u32..).zip(handlers) {
            match entry.event {
                // Tombstones have no schema.
                Some(_) if entry.tombstone => {}
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
            unreadable: Mutex::new(UnreadableIds::new(RegistryConfig::default().recheck)),
            unwanted: Unwanted::default(),
            ids: Mutex::default(),
        }
    }

    /// Sets after how long an id that cannot be read is looked up again.
    #[must_use]
    pub(crate) fn recheck(self, after: Duration) -> Self {
        Self {
            unreadable: Mutex::new(UnreadableIds::new(after)),
            ..self
        }
    }

    /// Checks that records of the locked versions of each handled event can be read.
    ///
    /// The results are not kept: ids belong to one registry, and the service may use another one than the lock's.
    ///
    /// # Errors
    ///
    /// If a version cannot be read that the event's compatibility level promises to be readable. Others are logged.
    pub(crate) fn read_locked(&self) -> Result<(), Error> {
        let mut promised = Vec::new();
        for reader in &self.readers {
            for found in locked::unreadable(reader.info, &reader.schema) {
                if found.promised {
                    promised.push(found.reason);
                } else {
                    let (event, reason) = (reader.info.name, found.reason);
                    warn!(
                        event,
                        reason, "records of an earlier version will be dead letters"
                    );
                }
            }
        }
        if promised.is_empty() {
            return Ok(());
        }
        let text = format!(
            "schemas break their compatibility level with `schemas.lock`:\n  {}\nlet the schemas \
             read these versions again, or run `schema reset` for the events whose break is intended, and build again",
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

    /// The writer's schema; looked up in the registry if it is not known yet. `unknown` is how often the registry has already answered
    /// the caller that it does not know the id.
    pub(crate) async fn writer(&self, key: SchemaKey, unknown: u32) -> Result<Arc<Writer>, NoWriter> {
        if let Some(writer) = self.known(key) {
            return Ok(writer);
        }
        let flight = Arc::clone(self.flights().entry(key).or_default());
        let found = flight.get_or_try_init(|| self.fetch(key, unknown)).await.cloned();
        if let Ok(writer) = &found {
            self.writers
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, Arc::clone(writer));
            self.unreadable().forget(key);
        }
        let mut flights = self.flights();
        drop(flight);
        let is_last = |own: &Flight| Arc::strong_count(own) == 1;
        if found.is_ok() || flights.get(&key).is_some_and(is_last) {
            flights.remove(&key);
        }
        found
    }

    /// Where a record that no event's handler takes goes.
    pub(crate) fn nameless(&self) -> Route {
        self.catch_all
            .map_or(Route::Unwanted, |handler| Route::Handler(handler, None))
    }

    /// Where a record of this writer goes.
    #[inline]
    pub(crate) fn route(&self, writer: &Writer, record: &Record) -> Route {
        let name = type_of(record);
        match (name, &*writer.meanings) {
            (None, [meaning]) => meaning.route.clone(),
            (Some(name), [meaning]) if meaning.is_called(name) => meaning.route.clone(),
            (None, _) => match writer.meaning(record.body().bytes()) {
                Ok(meaning) => meaning.route.clone(),
                Err(reason) => Route::Undecodable(reason.into()),
            },
            (Some(name), _) => match self.reader_named(name) {
                Some(reader) => self.route_to(reader, writer),
                None => self.nameless(),
            },
        }
    }

    /// Counts a record that no handler takes, and reports its name the first time. A tombstone has no writer.
    pub(crate) fn pass_over(&self, writer: Option<&Writer>, record: &Record) {
        self.unwanted.add();
        let meaning = writer.and_then(|writer| writer.meaning(record.body().bytes()).ok());
        let named = match (type_of(record), meaning) {
            _ if writer.is_none() => Named::Tombstone,
            (Some(name), meaning) if meaning.is_none_or(|meaning| !meaning.is_called(name)) => {
                Named::Type(name)
            }
            (_, Some(meaning)) if meaning.is_reported.swap(true, Ordering::Relaxed) => return,
            (_, Some(meaning)) => Named::Schema(&meaning.name),
            (_, None) => return,
        };
        if self.unwanted.is_news(named) {
            let events: Vec<_> = self.readers.iter().map(|reader| reader.info).collect();
            let schema = writer.map(|writer| writer.key.to_string());
            unwanted::report(record.topic(), named, schema.as_deref(), &events);
        }
    }

    /// How many records no handler took.
    pub(crate) fn unwanted(&self) -> u64 {
        self.unwanted.count()
    }

    /// The id of the service's own event under `subject`; with `register` the schema is registered if it is missing.
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

    async fn fetch(&self, key: SchemaKey, unknown: u32) -> Result<Arc<Writer>, NoWriter> {
        // Another look-up may have got the final answer while this one waited.
        if let Some(reason) = self.unreadable().of(key, Instant::now()) {
            return Err(NoWriter::Final(reason));
        }
        let text = match key {
            SchemaKey::Id(id) => self.registry.schema(id).await,
            SchemaKey::Guid(guid) => self.registry.schema_by_guid(guid).await,
        };
        let reason = match text {
            Ok(text) => match self.read(key, &text) {
                Ok(writer) => return Ok(Arc::new(writer)),
                Err(reason) => reason,
            },
            Err(error) if !self.unreadable().is_final(key, error.kind(), unknown) => {
                return Err(NoWriter::NotYet(error));
            }
            Err(error) if error.kind() == RegistryErrorKind::Unknown => {
                format!("the writer's schema ({key}) is not in the registry: {error}")
            }
            Err(error) => format!("the writer's schema ({key}) cannot be read: {error}"),
        };
        let reason: Arc<str> = bounded(reason).into();
        self.unreadable().keep(key, Arc::clone(&reason), Instant::now());
        Err(NoWriter::Final(reason))
    }

    /// Parses a writer's schema and resolves its meanings; an error if it is not a schema.
    fn read(&self, key: SchemaKey, text: &str) -> Result<Writer, String> {
        let schema = Schema::parse(text).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            format!("the writer's schema ({key}) is not an Avro schema: {first}")
        })?;
        let kinds: Vec<_> = match &schema.root.kind {
            Kind::Union(branches) => branches.iter().map(|branch| &branch.kind).collect(),
            kind => vec![kind],
        };
        let names: Vec<_> = kinds.iter().map(|kind| schema.model.type_name(kind)).collect();
        let mut writer = Writer {
            key,
            schema,
            meanings: Box::default(),
            routes: self.readers.iter().map(|_| OnceLock::new()).collect(),
        };
        let mean = |name: String| {
            let reader = self.reader_named(name.as_bytes());
            Meaning {
                event: reader.map(|reader| self.readers[reader].info.name),
                route: reader.map_or_else(|| self.nameless(), |reader| self.route_to(reader, &writer)),
                name,
                is_reported: AtomicBool::new(false),
            }
        };
        writer.meanings = names.into_iter().map(mean).collect();
        Ok(writer)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<SchemaKey, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreadable(&self) -> MutexGuard<'_, UnreadableIds> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of the reader with this name.
    fn reader_named(&self, name: &[u8]) -> Option<usize> {
        let named = |candidate: &&str| candidate.as_bytes() == name;
        let exact = |reader: &Reader| named(&reader.info.name) || named(&reader.info.full_name);
        let former = |reader: &Reader| reader.info.aliases.iter().any(&named);
        self.readers
            .iter()
            .position(exact)
            .or_else(|| self.readers.iter().position(former))
    }

    /// The route of this writer's records for this reader, resolved once.
    fn route_to(&self, reader: usize, writer: &Writer) -> Route {
        let compile = || self.readers[reader].route(writer);
        writer.routes[reader].get_or_init(compile).clone()
    }
}

impl Reader {
    fn route(&self, writer: &Writer) -> Route {
        let (name, defined_at) = (self.info.name, self.info.defined_at);
        match Plan::new(&writer.schema, &self.schema) {
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
                let reason = bounded(reason);
                warn!(event = name, schema = %writer.key, reason, "records of another schema are undecodable");
                Route::Undecodable(reason.into())
            }
        }
    }
}

impl Writer {
    /// The meaning of a record with this datum: for a union, that of its branch.
    fn meaning(&self, datum: &[u8]) -> Result<&Meaning, String> {
        if !matches!(self.schema.root.kind, Kind::Union(_)) {
            return Ok(&self.meanings[0]);
        }
        let branch = Cursor::new(datum).branch(self.meanings.len());
        let branch =
            branch.map_err(|error| format!("the writer's schema ({}) is a union: {error}", self.key))?;
        Ok(&self.meanings[branch])
    }
}

impl Meaning {
    #[inline]
    fn is_called(&self, name: &[u8]) -> bool {
        self.event.is_some_and(|event| event.as_bytes() == name) || self.name.as_bytes() == name
    }
}

/// The record's type by its header.
#[inline]
fn type_of(record: &Record) -> Option<&[u8]> {
    if record.has_headers() {
        record.header(TYPE)
    } else {
        None
    }
}

/// Why an id is unavailable.
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
