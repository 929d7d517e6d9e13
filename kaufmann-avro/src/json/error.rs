//! Why a JSON value does not fit a schema.

use std::fmt;

use thiserror::Error;

use crate::cursor::{MAX_DEPTH, MAX_LEVELS};
use crate::suggest::Hint;

/// Where and why a JSON value does not fit a schema.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}{kind}", At(.path))]
pub struct JsonError {
    path: String,
    /// How many steps the path has.
    steps: usize,
    kind: JsonErrorKind,
}

/// What is wrong with a JSON value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// Something else is expected.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the schema demands.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A field without a default is missing.
    #[error("the field `{field}` of `{record}` is missing and has no default")]
    MissingField {
        /// The record's full name.
        record: String,
        /// The field.
        field: String,
    },
    /// The record has no such field.
    #[error("`{record}` has no field `{field}`{}", Hint(suggestion.as_ref()))]
    UnknownField {
        /// The record's full name.
        record: String,
        /// The field.
        field: String,
        /// A field of a similar name.
        suggestion: Option<String>,
    },
    /// The enum has no such symbol.
    #[error("`{name}` has no symbol `{symbol}`{}", Hint(suggestion.as_ref()))]
    UnknownSymbol {
        /// The enum's full name.
        name: String,
        /// The symbol.
        symbol: String,
        /// A similar symbol.
        suggestion: Option<String>,
    },
    /// Values of recursive types nest deeper than [`MAX_DEPTH`], perhaps because a default contains itself. The path, of many
    /// steps, is not kept.
    #[error("values of recursive types nest deeper than {MAX_DEPTH}")]
    Depth,
    /// Values nest deeper than [`MAX_LEVELS`], which is due to the schema. The path, of hundreds of steps, is not kept.
    #[error("the schema's types nest deeper than {MAX_LEVELS} levels")]
    Levels,
    /// Writing it takes too much work: defaults contain defaults, or unions are tried within unions, too many times.
    #[error("writing it takes more than {} steps", super::MAX_STEPS)]
    Steps,
}

impl JsonError {
    pub(super) fn new(kind: JsonErrorKind) -> Self {
        Self {
            path: String::new(),
            steps: 0,
            kind,
        }
    }

    /// Where it is: `address.street[2]`, empty for the whole value.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &JsonErrorKind {
        &self.kind
    }

    /// How many steps down it was found.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn in_field(self, name: &str) -> Self {
        self.below(name)
    }

    pub(super) fn in_item(self, index: usize) -> Self {
        self.below(&format!("[{index}]"))
    }

    pub(super) fn in_entry(self, key: &str) -> Self {
        self.below(&format!("[{key:?}]"))
    }

    fn below(mut self, step: &str) -> Self {
        if matches!(
            self.kind,
            JsonErrorKind::Depth | JsonErrorKind::Levels | JsonErrorKind::Steps
        ) {
            return self;
        }
        let dot = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{step}{dot}{}", self.path);
        self.steps += 1;
        self
    }
}

/// ``at `path`: ``
struct At<'a>(&'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "at `{}`: ", self.0)
        }
    }
}
