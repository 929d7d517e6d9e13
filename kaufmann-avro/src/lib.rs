//! Avro for kaufmann: what the build step and the runtime share.
//!
//! Schemas: [`parse`](mod@parse) turns files into a [`model`], or reports all of their mistakes. A model has a canonical
//! form, an identity and a full text, and these have [fingerprints](crc64). A [`Schema`] is one schema by itself.
//!
//! Records: a [`Cursor`] reads values from bytes, [`mod@encode`] appends them, and generated types implement [`Decode`] and
//! [`Encode`] with these. [`logical`] has the Rust types of logical types. [`json`] converts between JSON and records by a
//! schema at run time.
//!
//! Versions of a schema: [`resolve`] reads records of one version with another, [`compatibility`] checks whether that always
//! works, [`diff`](mod@diff) lists what changed, and [`lock`] keeps the registered versions beside the schemas.
//!
//! For tests: `arbitrary` (feature `proptest`) has strategies for the values of a schema.
//!
//! Nothing here panics on input, whether it is a schema or a record: depth, lengths and counts are checked before they are
//! used.

pub mod model;

mod canonical;
mod fingerprint;
mod recursion;
mod schema;
mod size;
pub mod suggest;

pub mod codec;
pub mod cursor;
pub mod encode;
pub mod logical;

pub mod resolve;

pub mod json;

pub mod parse;

pub mod compatibility;
pub mod diff;
pub mod lock;

#[cfg(feature = "proptest")]
pub mod arbitrary;

pub use codec::{Decode, Encode, decode};
pub use cursor::{Cursor, DecodeError, DecodeErrorKind};
pub use fingerprint::{crc64, sha256};
pub use logical::Uuid;
pub use parse::{Partial, SchemaError, SchemaErrorKind, Source, parse, parse_partial, parse_str};
pub use schema::Schema;
