//! Where schemas are known by their ids: the [`SchemaRegistry`] trait, an embedded registry and the REST client.

use std::future::Future;
use std::pin::Pin;

mod embedded;
#[cfg(feature = "registry")]
mod rest;
#[cfg(feature = "dev")]
pub(crate) mod server;

pub use embedded::{EmbeddedRegistry, SubjectVersion};
#[cfg(feature = "registry")]
pub use rest::RestRegistry;

/// A future of a registry's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send + 'a>>;

/// A schema registry. Implementations ask once per call; caching, single flight and repetition are the runtime's.
pub trait SchemaRegistry: Send + Sync + 'static {
    /// The text of the schema with this id, complete in itself.
    fn schema(&self, id: u32) -> Answer<'_, String>;

    /// The text of the schema with this GUID, as header ids name it.
    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String>;

    /// The id of a schema under a subject, without registering it. `Ok(None)` if it is not there.
    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>>;

    /// Registers a schema under a subject, if it is not there yet, and gives its id.
    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32>;
}

/// Why a registry did not answer as hoped.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct RegistryError {
    kind: RegistryErrorKind,
    text: String,
}

/// What kind of trouble a [`RegistryError`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// The registry answered that it does not know the id. It may know it a little later.
    Unknown,
    /// The registry refused the schema: incompatible, or not a schema.
    Refused,
    /// Anything that may pass: no connection, a time-out, 401, 403, 408, 429, 5xx.
    Unavailable,
}

impl RegistryError {
    /// An error of this kind with this text: what was asked of which URL, and what came back.
    pub fn new(kind: RegistryErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.kind
    }
}
