//! Schema registries: the [`SchemaRegistry`] trait, an embedded registry and the REST client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod embedded;
pub(crate) mod error;
#[cfg(feature = "registry")]
mod rest;
#[cfg(feature = "dev")]
pub(crate) mod server;

pub use embedded::EmbeddedRegistry;
pub use error::{RegistryError, RegistryErrorKind};
#[cfg(feature = "registry")]
pub use rest::{Compatibility, RestRegistry};

/// The future of a registry's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send + 'a>>;

/// A schema registry. Implementations cache nothing: the runtime caches, shares look-ups in progress, and retries beyond an
/// implementation's own few retries.
pub trait SchemaRegistry: Send + Sync + 'static {
    /// The text of the schema with this id, complete in itself. An error of the kind [`Refused`](RegistryErrorKind::Refused) is final:
    /// records with the id become dead letters. The kind [`Unknown`](RegistryErrorKind::Unknown) is final after six times. After
    /// every other error the runtime retries.
    fn schema(&self, id: u32) -> Answer<'_, String>;

    /// The text of the schema with this GUID, which header ids carry.
    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String>;

    /// The id of a schema under a subject, without registering it; `Ok(None)` if it is not there. A schema with another text that
    /// means the same to readers may count.
    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>>;

    /// Registers a schema under a subject, if it is not there yet, and returns its id.
    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32>;
}

impl<R: SchemaRegistry + ?Sized> SchemaRegistry for Arc<R> {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        (**self).schema(id)
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        (**self).schema_by_guid(guid)
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        (**self).lookup(subject, schema)
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        (**self).register(subject, schema)
    }
}

/// One version of a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The version, from 1.
    pub version: u32,
    /// The schema's id.
    pub id: u32,
    /// The schema's text, complete in itself.
    pub schema: String,
    /// The references of the registry's own text; `schema` has them inlined.
    pub references: Vec<Reference>,
}

/// A schema under another subject that a schema refers to by a type's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reference {
    /// The full name of the type.
    pub name: String,
    /// The subject of the schema that defines it.
    pub subject: String,
    /// The version of the subject.
    pub version: u32,
}
