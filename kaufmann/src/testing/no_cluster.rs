//! The backend of a real cluster in a build without Kafka: it does not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::BROKERS;
use crate::config::Config;
use crate::handler::Service;
use crate::publish::{Message, Publisher};
use crate::schema::registry::SchemaRegistry;
use crate::source::MemorySource;

/// An uninhabited type.
pub(super) enum Cluster {}

impl Cluster {
    #[allow(clippy::unused_async, reason = "the signature of the real one")]
    #[allow(
        clippy::extra_unused_type_parameters,
        reason = "the signature of the real one"
    )]
    pub(super) async fn connect<V: Service>(brokers: &str, _: &mut Config) -> Result<Self, String> {
        Err(format!(
            "{BROKERS} is {brokers}, but kaufmann is built without its feature `kafka`"
        ))
    }

    pub(super) fn registry(&self) -> Arc<dyn SchemaRegistry> {
        match *self {}
    }

    pub(super) fn publisher(&self) -> Arc<dyn Publisher> {
        match *self {}
    }

    pub(super) fn prefix(&self) -> &str {
        match *self {}
    }

    pub(super) fn source(&self) -> Result<MemorySource, String> {
        match *self {}
    }

    pub(super) fn timestamp(&self) -> i64 {
        match *self {}
    }

    pub(super) async fn push(&mut self, _: Message) -> Result<String, String> {
        match *self {}
    }

    pub(super) async fn rewind(&mut self, _: &BTreeMap<String, i64>) -> Result<(), String> {
        match *self {}
    }

    pub(super) async fn clear(&mut self) {
        match *self {}
    }
}
