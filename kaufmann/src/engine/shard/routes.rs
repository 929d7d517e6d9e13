//! A shard's cache of what schema ids mean, so that no lock is taken per record.

use std::collections::HashMap;
use std::sync::Arc;

use crate::record::Record;
use crate::record::wire::SchemaKey;
use crate::schema::writers::{Route, Schemas, Writer};

#[derive(Debug)]
pub(super) struct Routes {
    schemas: Arc<Schemas>,
    last: Option<(SchemaKey, Arc<Writer>)>,
    known: HashMap<SchemaKey, Arc<Writer>>,
}

impl Routes {
    pub(super) fn new(schemas: Arc<Schemas>) -> Self {
        Self {
            schemas,
            last: None,
            known: HashMap::new(),
        }
    }

    /// Returns the route of a record; `None` if its schema must be looked up first.
    #[inline]
    pub(super) fn of(&mut self, key: SchemaKey, record: &Record) -> Option<Route> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            self.last = Some((key, self.writer(key)?));
        }
        let (_, writer) = self.last.as_ref()?;
        Some(self.schemas.route(writer, record))
    }

    /// Counts a record that has no handler. `key` is its schema, which was routed last.
    pub(super) fn count_unwanted(&self, key: Option<SchemaKey>, record: &Record) {
        let last = self.last.as_ref().filter(|(last, _)| Some(*last) == key);
        self.schemas.pass_over(last.map(|(_, writer)| &**writer), record);
    }

    fn writer(&mut self, key: SchemaKey) -> Option<Arc<Writer>> {
        if let Some(writer) = self.known.get(&key) {
            return Some(Arc::clone(writer));
        }
        let writer = self.schemas.known(key)?;
        self.known.insert(key, Arc::clone(&writer));
        Some(writer)
    }
}
