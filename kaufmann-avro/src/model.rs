//! The schema model: the types of `.avsc` files, with the position of each name.
//!
//! A [`Model`] holds the named types of any number of files; every reference between them is resolved to a [`TypeId`],
//! so cycles need no special care. The same model serves code generation (many files) and the runtime (one schema from
//! the registry).

mod logical;

pub use self::logical::Logical;

use std::fmt;

use serde_json::Value;

/// A place in a schema file. Lines and columns count from 1; a column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Location {
    /// Which file: an index into [`Model::files`].
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// Which named type: an index into [`Model::types`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub usize);

/// The types of a set of schema files, with every reference resolved.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Model {
    /// The files in the order in which they were given.
    pub files: Vec<File>,
    /// All named types (records, enums, fixed), in the order of their definitions.
    pub types: Vec<NamedType>,
}

/// One schema file.
#[derive(Clone, PartialEq, Debug)]
pub struct File {
    /// The path as it was given; it begins every error about the file.
    pub path: String,
    /// The type at the top of the file.
    pub root: Node,
}

/// A type where it is used: a kind, its logical type, and the attributes written beside it.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The logical type of a primitive. (That of a named type is [`NamedType::logical`].)
    pub logical: Option<Logical>,
    /// Attributes the specification does not define, in the order of the file.
    pub attributes: Attributes,
    /// Its position.
    pub at: Location,
}

/// What a type is.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// No value, no bytes.
    Null,
    /// One byte, 0 or 1.
    Boolean,
    /// A zig-zag varint of 32 bits.
    Int,
    /// A zig-zag varint of 64 bits.
    Long,
    /// 4 bytes, little-endian IEEE 754.
    Float,
    /// 8 bytes, little-endian IEEE 754.
    Double,
    /// A length and that many bytes.
    Bytes,
    /// A length and that many bytes of UTF-8.
    String,
    /// Blocks of items.
    Array(Box<Node>),
    /// Blocks of pairs of a string and a value.
    Map(Box<Node>),
    /// A branch's index and its value.
    Union(Vec<Node>),
    /// A record, enum or fixed, defined once in [`Model::types`].
    Named(TypeId),
}

/// A record, enum or fixed.
#[derive(Clone, PartialEq, Debug)]
pub struct NamedType {
    /// The full name.
    pub name: Name,
    /// Former names, as full names.
    pub aliases: Vec<Name>,
    /// The `doc` attribute.
    pub doc: Option<String>,
    /// Attributes the specification does not define (`event`, `topic`, `key`, …), in the order of the file.
    pub attributes: Attributes,
    /// The logical type of a fixed.
    pub logical: Option<Logical>,
    /// The definition.
    pub definition: Definition,
    /// The position of its name.
    pub at: Location,
}

/// What a named type consists of.
#[derive(Clone, PartialEq, Debug)]
pub enum Definition {
    /// A record's fields, in the order of their encoding.
    Record(Vec<Field>),
    /// An enum.
    Enum {
        /// The symbols in the order of their indices.
        symbols: Vec<Symbol>,
        /// The symbol that replaces one that the reader does not know.
        default: Option<String>,
    },
    /// A number of bytes.
    Fixed {
        /// How many.
        size: usize,
    },
}

/// A field of a record.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Former names.
    pub aliases: Vec<String>,
    /// The `doc` attribute.
    pub doc: Option<String>,
    /// The default in the JSON encoding of the specification; `Some(Value::Null)` is the default `null`.
    pub default: Option<Value>,
    /// The type.
    pub node: Node,
    /// Attributes the specification does not define, in the order of the file.
    pub attributes: Attributes,
    /// The position of its name.
    pub at: Location,
}

/// A symbol of an enum.
#[derive(Clone, PartialEq, Debug)]
pub struct Symbol {
    /// The symbol.
    pub name: String,
    /// Its position.
    pub at: Location,
}

/// A full name: namespace and simple name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name {
    /// The namespace with its dots, or nothing.
    pub namespace: String,
    /// The part after the last dot.
    pub simple: String,
}

/// Attributes in the order of the file, each with the place of its value.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Attributes(pub Vec<Attribute>);

/// An attribute that the specification does not define.
#[derive(Clone, PartialEq, Debug)]
pub struct Attribute {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The position of its value.
    pub at: Location,
}

impl Model {
    /// The named type with an id.
    ///
    /// # Panics
    ///
    /// If the id comes from another model.
    #[must_use]
    pub fn get(&self, id: TypeId) -> &NamedType {
        &self.types[id.0]
    }

    /// The name of this kind as a union's branch: `"string"`, `"array"`, a full name.
    #[must_use]
    pub fn type_name(&self, kind: &Kind) -> String {
        match kind {
            Kind::Array(_) => "array".to_owned(),
            Kind::Map(_) => "map".to_owned(),
            Kind::Union(_) => "union".to_owned(),
            Kind::Named(id) => self.get(*id).name.to_string(),
            primitive => primitive.primitive().unwrap_or_default().to_owned(),
        }
    }

    /// How errors name a type: `int`, `long (timestamp-millis)`, `shop.Order`, `["null", "int"]`.
    pub(crate) fn describe(&self, node: &Node) -> String {
        let logical = match node.kind {
            Kind::Named(id) => self.get(id).logical,
            _ => node.logical,
        };
        let name = match &node.kind {
            Kind::Union(branches) => {
                let branches = branches
                    .iter()
                    .map(|branch| format!("\"{}\"", self.type_name(&branch.kind)));
                format!("[{}]", branches.collect::<Vec<_>>().join(", "))
            }
            kind => self.type_name(kind),
        };
        let logical = logical.map_or(String::new(), |logical| format!(" ({logical})"));
        format!("{name}{logical}")
    }

    /// Finds a type by its full name.
    #[must_use]
    pub fn find(&self, full_name: &str) -> Option<TypeId> {
        self.types
            .iter()
            .position(|named| named.name.is(full_name))
            .map(TypeId)
    }

    /// `path:line:column` of a place.
    #[must_use]
    pub fn locate(&self, at: Location) -> String {
        let path = self.files.get(at.file).map_or("<schema>", |file| &file.path);
        format!("{path}:{}:{}", at.line, at.column)
    }
}

impl Kind {
    /// The name of a primitive type.
    pub(crate) fn primitive(&self) -> Option<&'static str> {
        Some(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) | Self::Map(_) | Self::Union(_) | Self::Named(_) => return None,
        })
    }
}

impl Attributes {
    /// The attribute with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Attribute> {
        self.0.iter().find(|attribute| attribute.key == key)
    }
}

impl Name {
    /// Whether this is the full name `full`, without building a string.
    #[must_use]
    pub fn is(&self, full: &str) -> bool {
        match full.rsplit_once('.') {
            Some((namespace, simple)) => self.namespace == namespace && self.simple == simple,
            None => self.namespace.is_empty() && self.simple == full,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}.", self.namespace)?;
        }
        f.write_str(&self.simple)
    }
}
