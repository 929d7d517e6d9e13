//! Mismatches of two schemas.

use std::fmt;

use crate::model::{Definition, Kind, Location, Model, Node};

/// A place in which a reader's schema does not match a writer's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ResolveError {
    /// Where in a value, from the top: `address.street`, `items[].price`, `tags{}`. Empty at the top itself.
    pub path: String,
    /// The writer's type, as errors name it: `int`, `long (timestamp-millis)`, `shop.Order`, `["null", "int"]`. Where the
    /// writer lacks a field, it is the record without it.
    pub writer: String,
    /// The reader's type.
    pub reader: String,
    /// The position of the writer's type in its schema.
    pub writer_at: Location,
    /// The position of the reader's type in its schema; that of the field if the writer lacks it.
    pub reader_at: Location,
    /// What does not match.
    pub mismatch: Mismatch,
}

/// How two types do not match.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Mismatch {
    /// One cannot be read as the other.
    Type,
    /// The bytes can be read, but the logical types differ in kind, scale or unit.
    Meaning,
    /// The names differ, and the reader's type has no fitting alias.
    Name,
    /// Two fixed of different sizes.
    Size {
        /// The bytes of the writer's.
        writer: usize,
        /// The bytes of the reader's.
        reader: usize,
    },
    /// The writer has no such field, and the reader has no default for it.
    MissingField,
    /// The reader's union has no branch for the writer's type.
    Branch,
    /// The reader's enum lacks these symbols and has no default.
    Symbols(Vec<String>),
}

impl std::error::Error for ResolveError {}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path)?;
        }
        let (writer, reader) = (&self.writer, &self.reader);
        match &self.mismatch {
            Mismatch::Type => write!(f, "the writer's `{writer}` cannot be read as `{reader}`"),
            Mismatch::Meaning => write!(
                f,
                "the writer's `{writer}` has the bytes of the reader's `{reader}`, but not its meaning"
            ),
            Mismatch::Name => write!(
                f,
                "the writer's `{writer}` is not the reader's `{reader}`: neither the names nor an alias match"
            ),
            Mismatch::Size {
                writer: theirs,
                reader: ours,
            } => write!(
                f,
                "the writer's `{writer}` has {theirs} bytes, the reader's `{reader}` has {ours}"
            ),
            Mismatch::MissingField => write!(
                f,
                "the writer's `{writer}` has no such field, and the reader's `{reader}` has no default"
            ),
            Mismatch::Branch => write!(
                f,
                "no branch of the reader's `{reader}` takes the writer's `{writer}`"
            ),
            Mismatch::Symbols(symbols) => {
                let (word, symbols) = (
                    if symbols.len() == 1 { "symbol" } else { "symbols" },
                    Quoted(symbols),
                );
                write!(
                    f,
                    "the reader's `{reader}` lacks the {word} {symbols} of the writer's `{writer}` and has no default"
                )
            }
        }
    }
}

/// `` `A`, `B` ``
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, text) in self.0.iter().enumerate() {
            write!(f, "{}`{text}`", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The position of a type for errors: that of its name for a definition.
pub(super) fn place(model: &Model, node: &Node) -> Location {
    match node.kind {
        Kind::Named(id) if !matches!(model.get(id).definition, Definition::Record(_)) => model.get(id).at,
        _ => node.at,
    }
}

/// The way from the top of a value to a part of it.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    /// As it is written.
    At(&'p str),
    Field(&'p Path<'p>, &'p str),
    Items(&'p Path<'p>),
    Values(&'p Path<'p>),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(text) => f.write_str(text),
            Self::Field(Path::At(""), name) => f.write_str(name),
            Self::Field(of, name) => write!(f, "{of}.{name}"),
            Self::Items(of) => write!(f, "{of}[]"),
            Self::Values(of) => write!(f, "{of}{{}}"),
        }
    }
}
