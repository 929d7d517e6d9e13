//! Schemas: the registry, and what writers' schemas mean to this service.

pub mod registry;
pub(crate) mod tombstones;
pub(crate) mod writers;
