//! Mistakes in schemas, with their texts.

use std::collections::HashSet;

use thiserror::Error;

use super::{Source, Use};
use crate::model::{Location, Logical};
use crate::suggest::Hint;

/// A mistake in a schema file, and where it is.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{path}:{line}:{column}: {kind}")]
pub struct SchemaError {
    /// The file's path, as it was given.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: SchemaErrorKind,
}

/// What is wrong in a schema file.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SchemaErrorKind {
    /// The text is not JSON.
    #[error("{0}")]
    Json(String),
    /// A key occurs twice in an object.
    #[error("the key `{key}` is already used at {first}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Its first position.
        first: String,
    },
    /// Another JSON value where a type is expected.
    #[error("expected a type (a name, an object or a union's array), found {0}")]
    NotAType(&'static str),
    /// An attribute is missing.
    #[error("{of} needs the attribute `{attribute}`")]
    MissingAttribute {
        /// What lacks it.
        of: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute's value is not of the kind that the specification demands.
    #[error("`{attribute}` must be {expected}, found {found}")]
    Attribute {
        /// The attribute.
        attribute: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// No type has this name.
    #[error("{}unknown type `{name}`{}", InField(.field), Hint(suggestion.as_ref()))]
    UnknownType {
        /// The field whose type it is, if any.
        field: Option<String>,
        /// The name.
        name: String,
        /// A type of a similar name.
        suggestion: Option<String>,
    },
    /// A complex or a logical type as a mere name, where it needs an object.
    #[error("{}", SpeltOut(.0))]
    SpeltOut(String),
    /// A name that the specification does not allow.
    #[error(
        "`{name}` cannot name {what}: a name has letters, digits and underscores, and does not begin with a digit{}",
        Rename(what, name)
    )]
    InvalidName {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A primitive type's name for another type.
    #[error("`{0}` is the name of a primitive type, choose another name")]
    ReservedName(String),
    /// A type is defined twice in one file.
    #[error("`{name}` is already defined at {first}; define it once and refer to it by its name")]
    DuplicateType {
        /// Its full name.
        name: String,
        /// Where it is defined for the first time.
        first: String,
    },
    /// Two definitions of a type differ.
    #[error(
        "`{name}` is defined differently at {first}: {difference}; make the two equal (docs and attributes may differ), \
         or rename one of them"
    )]
    DifferentType {
        /// Its full name.
        name: String,
        /// Where the other definition is.
        first: String,
        /// In what they differ, with both places.
        difference: String,
    },
    /// A record has two fields of one name.
    #[error("the record `{record}` already has a field `{name}` at {first}")]
    DuplicateField {
        /// The record's full name.
        record: String,
        /// The field's name.
        name: String,
        /// Its first position.
        first: String,
    },
    /// A field's alias is the name or an alias of another field.
    #[error("the alias `{alias}` of the field `{field}` also belongs to the field `{other}`")]
    DuplicateAlias {
        /// The field.
        field: String,
        /// Its alias.
        alias: String,
        /// The other field.
        other: String,
    },
    /// An enum has a symbol twice.
    #[error("the enum `{name}` already has the symbol `{symbol}` at {first}")]
    DuplicateSymbol {
        /// The enum's full name.
        name: String,
        /// The symbol.
        symbol: String,
        /// Its first position.
        first: String,
    },
    /// An enum's default is not one of its symbols.
    #[error("the default of the enum `{name}` is not one of its symbols: `{default}`{}", Hint(suggestion.as_ref()))]
    EnumDefault {
        /// The enum's full name.
        name: String,
        /// The default.
        default: String,
        /// A similar symbol.
        suggestion: Option<String>,
    },
    /// A union has a type twice.
    #[error("the union already has the branch `{branch}` at {first}")]
    DuplicateBranch {
        /// The type.
        branch: String,
        /// Its first position.
        first: String,
    },
    /// A union directly in a union.
    #[error("a union cannot contain a union, list its branches in the outer one")]
    NestedUnion,
    /// A record that has no finite value.
    #[error(
        "the record `{name}` always contains itself ({path}); make one of these fields a union with null, an array or a map"
    )]
    Endless {
        /// Its full name.
        name: String,
        /// The fields on the way from it to it.
        path: String,
    },
    /// A field's default is not a value of its type.
    #[error("the default of the field `{field}` does not fit its type: {reason}")]
    Default {
        /// The field.
        field: String,
        /// Why not.
        reason: String,
    },
}

impl SchemaErrorKind {
    /// Whether records can be read despite the mistake.
    fn leaves_bytes_alone(&self) -> bool {
        match self {
            Self::InvalidName { .. }
            | Self::ReservedName(_)
            | Self::DuplicateType { .. }
            | Self::DuplicateAlias { .. }
            | Self::EnumDefault { .. } => true,
            Self::Attribute { attribute, .. } => {
                matches!(*attribute, "doc" | "order" | "aliases" | "default")
            }
            _ => false,
        }
    }
}

/// The remedy for an invalid name that other writers may use.
struct Rename<'a>(&'a str, &'a str);

impl std::fmt::Display for Rename<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(what, name) = self;
        // A name with an empty part is invalid for every writer. Symbols have no aliases.
        if *what == "a symbol" || name.split('.').any(str::is_empty) {
            return Ok(());
        }
        write!(
            f,
            "; rename it here, and if others write it under this name, keep it as an alias: \"aliases\": [\"{name}\"]"
        )?;
        match *what {
            "a record" => write!(f, " (for an event \"event\": \"{name}\" does too)"),
            _ => Ok(()),
        }
    }
}

/// ``field `x` has ``
struct InField<'a>(&'a Option<String>);

impl std::fmt::Display for InField<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .as_ref()
            .map_or(Ok(()), |field| write!(f, "field `{field}` has "))
    }
}

/// How a complex type must be written.
struct SpeltOut<'a>(&'a str);

impl std::fmt::Display for SpeltOut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.0;
        if let Some(base) = Logical::named(name).map(Logical::base) {
            return write!(
                f,
                "`{name}` is not a type by itself, write {{\"type\": {{\"type\": {base}, \"logicalType\": \"{name}\"}}}}"
            );
        }
        let example = match name {
            "union" => return f.write_str("a union is written as the array of its branches: [\"null\", …]"),
            "array" => "\"items\": …",
            "map" => "\"values\": …",
            "fixed" => "\"name\": …, \"size\": …",
            "enum" => "\"name\": …, \"symbols\": […]",
            _ => "\"name\": …, \"fields\": […]",
        };
        write!(
            f,
            "`{name}` is not a type by itself, write {{\"type\": {{\"type\": \"{name}\", {example}}}}}"
        )
    }
}

/// Collects the mistakes of all files.
pub(super) struct Errors<'a> {
    sources: &'a [Source<'a>],
    found: Vec<(Location, SchemaErrorKind)>,
    hard: usize,
}

impl<'a> Errors<'a> {
    pub(super) fn new(sources: &'a [Source<'a>]) -> Self {
        Self {
            sources,
            found: Vec::new(),
            hard: 0,
        }
    }

    pub(super) fn push(&mut self, at: Location, kind: SchemaErrorKind) {
        self.hard += usize::from(!kind.leaves_bytes_alone());
        self.found.push((at, kind));
    }

    /// How many mistakes leave a type incomplete.
    pub(super) fn hard(&self) -> usize {
        self.hard
    }

    /// `path:line:column` of a place.
    pub(super) fn place(&self, at: Location) -> String {
        format!("{}:{}:{}", self.path(at), at.line, at.column)
    }

    fn path(&self, at: Location) -> &'a str {
        self.sources.get(at.file).map_or("<schema>", |source| source.path)
    }

    /// The mistakes in the order of the files, without those that do not count or that follow from a file that cannot be
    /// read; `unread` are the names that such files may define.
    pub(super) fn finish(mut self, wanted: Use, unread: &HashSet<&str>) -> Vec<SchemaError> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|(at, _)| *at);
        found
            .into_iter()
            .filter(|(_, kind)| wanted == Use::Ours || !kind.leaves_bytes_alone())
            // A reference to a type of an unreadable file is not a mistake of its own.
            .filter(|(_, kind)| match kind {
                SchemaErrorKind::UnknownType { name, .. } | SchemaErrorKind::SpeltOut(name) => {
                    !unread.contains(name.rsplit('.').next().unwrap_or_default())
                }
                _ => true,
            })
            .map(|(at, kind)| SchemaError {
                path: self.path(at).to_owned(),
                line: at.line,
                column: at.column,
                kind,
            })
            .collect()
    }
}
