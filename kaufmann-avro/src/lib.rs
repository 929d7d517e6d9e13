//! Avro for kaufmann: what the build step and the runtime share.
//!
//! On the side of the schemas, in the order in which data flows: [`parse`](mod@parse) turns files into a [`model`], or
//! into all of their mistakes; from the model come its canonical form, its identity and its whole text, and from these
//! [fingerprints](crc64). [`Schema`] is one schema by itself.
//!
//! On the side of the records: a [`Cursor`] takes values from bytes, [`mod@encode`] appends them, and generated types
//! implement [`Decode`] and [`Encode`] with these; [`logical`] has the types for logical types. [`json`] converts
//! between JSON and records by a schema at run time.
//!
//! Between two versions of a schema: [`resolve`] reads what the one wrote with the other, [`compatibility`] says whether it
//! always can, and [`lock`] keeps the versions that the registry has beside the schemas.
//!
//! For tests: `arbitrary` (feature `proptest`) has strategies for the values of a schema.
//!
//! Nothing here panics on input, whether it is a schema or a record: depth, lengths and counts are bounded before they
//! are believed.

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
