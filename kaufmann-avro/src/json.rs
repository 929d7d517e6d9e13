//! JSON to Avro and back, by a schema: for samples, the command line and user interfaces. It is not optimised for speed.
//!
//! In the readable form, logical types are text: timestamps after RFC 3339, `2026-01-31`, `23:59:59.999`, UUIDs,
//! decimals like `12.34`, durations after ISO 8601. Bytes are a string of the code points 0 to 255, and floats that
//! are not JSON numbers are `"NaN"`, `"Infinity"` and `"-Infinity"`.
//!
//! ```
//! use kaufmann_avro::{Schema, json};
//! use serde_json::json;
//!
//! let schema = Schema::parse(
//!     r#"{"type": "record", "name": "Order", "fields": [
//!         {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
//!         {"name": "note", "type": ["null", "string"], "default": null}
//!     ]}"#,
//! )
//! .unwrap();
//! let mut bytes = Vec::new();
//! let order = json!({"at": "1970-01-01T00:00:01Z"});
//! json::encode_json(&schema.model, &schema.root, &order, &mut bytes)?;
//! assert_eq!(bytes, [0xd0, 0x0f, 0x00]);
//!
//! let back = json::decode_json(&schema.model, &schema.root, &bytes)?;
//! assert_eq!(back, json!({"at": "1970-01-01T00:00:01Z", "note": null}));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod encode;
mod error;
pub mod field;
mod resolved;
#[cfg(test)]
mod tests;
mod text;

pub use self::error::{JsonError, JsonErrorKind};

use serde_json::Value;

use crate::cursor::{Cursor, DecodeError};
use crate::model::{Model, Node};
use crate::resolve::Plan;
use crate::schema::Schema;

/// How many values may be written for one call, attempts included. Without it, nested defaults and unions could write a
/// number of values that is exponential in the schema's length.
const MAX_STEPS: usize = 4_000_000;

/// Appends the binary encoding of a JSON value.
///
/// Missing fields take their defaults. A union takes the plain value, as its first branch that fits, or else the
/// specification's object of one key, the branch's name. Logical types take the readable text or the raw number.
///
/// # Errors
///
/// If the value does not fit the schema; the buffer is then restored.
pub fn encode_json(model: &Model, node: &Node, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    encode::encode(model, encode::Form::Readable, node, value, out)
}

/// Appends the binary encoding of a field's default, which is written as the specification demands: logical types as
/// their raw value, unions as the plain value of the first branch that fits.
///
/// # Errors
///
/// If the value does not fit the schema; the buffer is then restored. A model from [`parse`](crate::parse())
/// has only defaults that fit.
pub fn encode_default(model: &Model, node: &Node, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    encode::encode(model, encode::Form::Default, node, value, out)
}

/// The branch of a union that a default is a value of: the first that it fits.
#[must_use]
pub fn default_branch(model: &Model, branches: &[Node], default: &Value) -> Option<usize> {
    branches
        .iter()
        .position(|branch| encode_default(model, branch, default, &mut Vec::new()).is_ok())
}

/// Turns one datum that takes all of the bytes into readable JSON; unions are the plain value.
///
/// # Errors
///
/// If the bytes are not a datum of the schema.
pub fn decode_json(model: &Model, node: &Node, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut decoder = decode::Decoder::new(model, Cursor::new(bytes));
    let value = decoder.value(node)?;
    decoder.finish()?;
    Ok(value)
}

/// Turns one datum that another schema wrote into the reader's value, as [`decode_json`] does it. `plan` is one for
/// `reader`.
///
/// # Errors
///
/// If the bytes are not a datum of the writer's schema, or one that the reader's does not have.
pub fn resolve_json(plan: &Plan, reader: &Schema, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut decoder = decode::Decoder::new(&reader.model, Cursor::new(bytes));
    let value = decoder.resolved(&reader.root, plan.start())?;
    decoder.finish()?;
    Ok(value)
}
