//! What is known of schemas: the registry, and what the schemas of records' writers mean to this service.

pub mod registry;
pub(crate) mod tombstones;
pub(crate) mod writers;
