//! Avro for kaufmann: what the build step and the runtime share.
//!
//! In the order in which data flows: text → [`model`] → canonical form → fingerprints on the side of the schemas, and
//! the cursor and its counterpart for writing on the side of the records.

mod canonical;
mod fingerprint;
pub mod model;
pub mod parse;
mod schema;
mod size;

pub mod codec;
pub mod cursor;
pub mod encode;
pub mod json;
pub mod logical;

pub use codec::{Decode, Encode, decode};
pub use cursor::{Cursor, DecodeError, DecodeErrorKind};
pub use fingerprint::{crc64, sha256};
pub use logical::Uuid;
pub use parse::{SchemaError, SchemaErrorKind, Source, parse, parse_str};
pub use schema::Schema;
