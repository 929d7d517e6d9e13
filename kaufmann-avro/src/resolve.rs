//! Schema resolution: reading records of a writer's schema with the reader's, planned once for each pair of schemas.
//!
//! A [`Plan`] describes how bytes of the writer's schema become values of the reader's: which fields are read, in which
//! order, which are skipped, which take their defaults, and what is converted. Where both schemas agree, the plan holds only
//! that, and the direct decoder runs. Types follow a plan with [`DecodeResolved`]; [`json`](crate::json) follows it too.
//!
//! The rules are the specification's. Where it leaves a choice, the behaviour is that of Java's implementation:
//!
//! - Records, enums and fixed match by their unqualified names, or by an alias, which is a full name. Among the branches of
//!   a union, a full name is preferred to an unqualified one.
//! - A writer's value goes to the reader's branch of exactly its type, and only then to one that it can be promoted to.
//! - A writer's branch or symbol that the reader does not have is an error only when a record contains it, unless every
//!   record must. The plan lists these mismatches: [`Plan::deferred`].
//!
//! What differs from Java's, because equal bytes can have different meanings:
//!
//! - Two logical types must mean the same. A time is converted to a finer unit, and a decimal of
//!   greater precision is accepted; a coarser unit, another scale, or another kind is an error. If only one side has a logical type, the plain value is read.
//! - An array, a map or a record whose parts do not match is an error at once, although it might turn out to be empty.
//! - A record of another name is an error, as the specification demands.
//!
//! ```
//! use kaufmann_avro::{Schema, json, resolve::Plan};
//!
//! let old = Schema::parse(
//!     r#"{"type": "record", "name": "Order", "fields": [{"name": "amount", "type": "int"}]}"#,
//! )
//! .unwrap();
//! let new = Schema::parse(
//!     r#"{"type": "record", "name": "Order", "fields": [
//!         {"name": "note", "type": "string", "default": "none"},
//!         {"name": "total", "type": "long", "aliases": ["amount"]}]}"#,
//! )
//! .unwrap();
//! let plan = Plan::new(&old, &new).unwrap();
//! let order = json::resolve_json(&plan, &new, &[0x0e])?;
//! assert_eq!(order, serde_json::json!({"note": "none", "total": 7}));
//!
//! let errors = Plan::new(&new, &old).unwrap_err();
//! assert_eq!(
//!     errors[0].to_string(),
//!     "at `amount`: the writer's `Order` has no such field, and the reader's `int` has no default"
//! );
//! # Ok::<(), kaufmann_avro::DecodeError>(())
//! ```

mod build;
mod choose;
mod error;
mod follow;
mod meaning;
mod op;
mod prune;
mod skip;
#[cfg(test)]
mod tests;

pub use self::error::{Mismatch, ResolveError};
pub use self::follow::{Fields, Step};

use self::build::Builder;
use self::op::{Op, OpId};
use self::skip::Skips;
use crate::codec::Decode;
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};
use crate::model::{Model, Node};
use crate::schema::Schema;

/// How records of one schema are read with another.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    ops: Box<[Op]>,
    root: OpId,
    skips: Skips,
    mismatches: Box<[ResolveError]>,
}

/// A value that decodes itself from a record of another schema, perhaps borrowing from the input.
///
/// Implemented by generated types. The plan must be one for the type's own schema as the reader's.
pub trait DecodeResolved<'a>: Decode<'a> {
    /// Takes one value that is written as `step` describes.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of the writer's type, if it is a value that the reader's type does not have, or if the
    /// plan is for another type.
    fn decode_resolved(cursor: &mut Cursor<'a>, step: Step<'_>) -> Result<Self, DecodeError>;
}

/// A type and the model that it belongs to: what is resolved and compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Typed<'s> {
    /// The types it may refer to.
    pub model: &'s Model,
    /// The type.
    pub node: &'s Node,
}

impl Plan {
    /// Compiles the plan for a pair of schemas.
    ///
    /// # Errors
    ///
    /// All the reasons for which no value, or for which only some values that hold nothing, could be read.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Self, Vec<ResolveError>> {
        Self::between(writer.into(), reader.into())
    }

    /// The same for types in a model.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn between(writer: Typed<'_>, reader: Typed<'_>) -> Result<Self, Vec<ResolveError>> {
        let mut built = Builder::build(writer, reader);
        let failing = prune::failing(&built.ops);
        if failing[built.root] {
            let reached = prune::reached(&built.ops, built.root, |id| failing[id]);
            return Err(pick(built.mismatches, &reached));
        }
        prune::same(&mut built.ops);
        Ok(Self {
            ops: built.ops.into(),
            root: built.root,
            skips: built.skips,
            mismatches: built.mismatches.into(),
        })
    }

    /// Whether the writer's bytes are the reader's, so that the direct decoder reads them.
    #[must_use]
    pub fn is_same(&self) -> bool {
        matches!(self.ops[self.root], Op::Same)
    }

    /// Where to begin.
    #[must_use]
    #[inline]
    pub fn start(&self) -> Step<'_> {
        Step::new(self, self.root)
    }

    /// The mismatches of branches and symbols, which are errors only in records that contain them.
    #[must_use]
    pub fn deferred(&self) -> &[ResolveError] {
        &self.mismatches
    }

    /// The mismatch that caused this error, if the reader's schema does not have the value.
    #[must_use]
    pub fn explain(&self, error: &DecodeError) -> Option<&ResolveError> {
        match error.kind() {
            DecodeErrorKind::Unresolved(index) => self.mismatches.get(index as usize),
            _ => None,
        }
    }
}

/// Reads one datum that takes all of the bytes, by a plan.
///
/// # Errors
///
/// As [`DecodeResolved::decode_resolved`], or if bytes are left.
#[inline]
pub fn decode<'a, T: DecodeResolved<'a>>(bytes: &'a [u8], plan: &Plan) -> Result<T, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let value = T::decode_resolved(&mut cursor, plan.start())?;
    cursor.finish()?;
    Ok(value)
}

/// All mismatches of two schemas, including those that are errors only in records that contain them.
pub(crate) fn mismatches(writer: Typed<'_>, reader: Typed<'_>) -> Vec<ResolveError> {
    let built = Builder::build(writer, reader);
    let reached = prune::reached(&built.ops, built.root, |_| true);
    pick(built.mismatches, &reached)
}

/// `wanted` is in ascending order.
fn pick(mismatches: Vec<ResolveError>, wanted: &[usize]) -> Vec<ResolveError> {
    let all = mismatches.into_iter().enumerate();
    all.filter(|(index, _)| wanted.binary_search(index).is_ok())
        .map(|(_, mismatch)| mismatch)
        .collect()
}

impl<'s> From<&'s Schema> for Typed<'s> {
    fn from(schema: &'s Schema) -> Self {
        Self {
            model: &schema.model,
            node: &schema.root,
        }
    }
}

impl<'a, T: DecodeResolved<'a>> DecodeResolved<'a> for Box<T> {
    #[inline]
    fn decode_resolved(cursor: &mut Cursor<'a>, step: Step<'_>) -> Result<Self, DecodeError> {
        T::decode_resolved(cursor, step).map(Box::new)
    }
}
