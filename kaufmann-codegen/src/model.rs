//! From texts to the types that are generated: the schema model with the Rust shape of every field and the layout of every type.

mod layout;

use std::collections::HashSet;
use std::slice;

use kaufmann_avro::model::{Definition, Kind, Logical, Model, NamedType, Node, TypeId};
use kaufmann_avro::{Partial, SchemaError, SchemaErrorKind, Source};

use crate::error::{Error, ErrorKind};
use crate::load::Text;

pub(crate) use self::layout::Layout;

/// All types that are generated.
#[derive(Debug)]
pub(crate) struct Types {
    /// The schemas.
    pub(crate) model: Model,
    /// The shapes of the fields, by record; nothing for enums and fixed.
    pub(crate) fields: Vec<Vec<Shape>>,
    /// The unions that become enums.
    pub(crate) unions: Vec<Union>,
    /// Properties that follow from the shapes.
    pub(crate) layout: Layout,
    /// The types with a mistake, and those that mention one.
    pub(crate) unsound: HashSet<TypeId>,
    /// Further definitions of types, equal to those in the model except for docs and attributes.
    pub(crate) repeats: Vec<(TypeId, NamedType)>,
}

/// An index into [`Types::unions`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct UnionId(pub(crate) usize);

/// A type where it is used, as Rust sees it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Box<Shape>),
    Map(Box<Shape>),
    /// A logical type and its base type.
    Logical(Logical, Base),
    Record(TypeId),
    Enum(TypeId),
    Fixed(TypeId),
    /// A union of one branch.
    Single(Box<Shape>),
    /// A union of two branches, of which the one at `null` is null.
    Optional {
        null: usize,
        some: Box<Shape>,
    },
    /// Any other union; an `Option` of its enum if a branch is null.
    Union(UnionId),
}

impl Shape {
    /// Whether serde's form differs from the JSON of payloads. Named types and unions have their own implementations.
    pub(crate) fn has_own_json(&self) -> bool {
        match self {
            Self::Bytes | Self::Float | Self::Double => true,
            Self::Array(inner) | Self::Map(inner) | Self::Single(inner) => inner.has_own_json(),
            Self::Optional { some, .. } => some.has_own_json(),
            _ => false,
        }
    }
}

/// The base type of a logical type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    Int,
    Long,
    Bytes,
    String,
    Fixed(usize),
}

/// A union that becomes an enum.
#[derive(Clone, Debug)]
pub(crate) struct Union {
    /// The record that has it.
    pub(crate) record: TypeId,
    /// The first field that has it.
    pub(crate) field: usize,
    /// The suffix of its name after the record's and the field's: the path from the field to it, such as `Item`.
    pub(crate) suffix: String,
    /// How many branches there are, null included.
    pub(crate) branches: usize,
    /// Which one is null.
    pub(crate) null: Option<usize>,
    /// The others.
    pub(crate) variants: Vec<Variant>,
}

/// A branch of a union that is not null.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Variant {
    /// The branch's index.
    pub(crate) index: usize,
    /// The branch's name in Avro's JSON encoding: `string`, `user.Address`.
    pub(crate) branch: String,
    /// What it holds.
    pub(crate) shape: Shape,
}

impl Types {
    /// The types of a model.
    pub(crate) fn new(parsed: Partial) -> Self {
        let Partial {
            model,
            unsound,
            repeats,
            ..
        } = parsed;
        let mut lower = Lower {
            model: &model,
            unions: Vec::new(),
            record: TypeId(0),
            field: 0,
        };
        let fields = (0..model.types.len())
            .map(|index| lower.record(TypeId(index)))
            .collect::<Vec<_>>();
        let unions = lower.unions;
        let layout = Layout::new(&model, &fields, &unions);
        Self {
            model,
            fields,
            unions,
            layout,
            unsound,
            repeats,
        }
    }

    /// The definitions at the top of the files, each with its file.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (TypeId, usize)> {
        let files = self.model.files.iter().enumerate();
        let tops = files.flat_map(|(index, file)| tops(&file.root).iter().map(move |top| (index, top)));
        tops.filter_map(|(index, top)| Some((self.defined_by(index, top)?, index)))
    }

    /// The type at a file's top, if it is defined there and not only referred to.
    pub(crate) fn defined_by(&self, file: usize, root: &Node) -> Option<TypeId> {
        let Kind::Named(id) = root.kind else { return None };
        let definitions = [self.model.get(id).at.file].into_iter();
        let repeats = self.repeats.iter().filter(|(of, _)| *of == id);
        definitions
            .chain(repeats.map(|(_, repeat)| repeat.at.file))
            .any(|of| of == file)
            .then_some(id)
    }

    /// The union with an id.
    pub(crate) fn union(&self, id: UnionId) -> &Union {
        &self.unions[id.0]
    }

    /// Whether a value of `record` inside a value of `owner` needs a box, because it can hold an `owner` in turn.
    pub(crate) fn boxed(&self, owner: TypeId, record: TypeId) -> bool {
        self.layout.holds(record, owner)
    }
}

/// The types at the top of a file: one, or the branches of a union.
pub(crate) fn tops(root: &Node) -> &[Node] {
    match &root.kind {
        Kind::Union(branches) => branches,
        _ => slice::from_ref(root),
    }
}

struct Lower<'a> {
    model: &'a Model,
    unions: Vec<Union>,
    record: TypeId,
    field: usize,
}

impl Lower<'_> {
    fn record(&mut self, id: TypeId) -> Vec<Shape> {
        let Definition::Record(fields) = &self.model.get(id).definition else {
            return Vec::new();
        };
        self.record = id;
        let shapes = fields.iter().enumerate().map(|(index, field)| {
            self.field = index;
            self.shape(&field.node, None)
        });
        shapes.collect()
    }

    /// `within` is the suffix of the enum around the node, if it is inside one.
    fn shape(&mut self, node: &Node, within: Option<&str>) -> Shape {
        match &node.kind {
            Kind::Null => Shape::Null,
            Kind::Boolean => Shape::Boolean,
            Kind::Int => node
                .logical
                .map_or(Shape::Int, |logical| Shape::Logical(logical, Base::Int)),
            Kind::Long => node
                .logical
                .map_or(Shape::Long, |logical| Shape::Logical(logical, Base::Long)),
            Kind::Float => Shape::Float,
            Kind::Double => Shape::Double,
            Kind::Bytes => node
                .logical
                .map_or(Shape::Bytes, |logical| Shape::Logical(logical, Base::Bytes)),
            Kind::String => node
                .logical
                .map_or(Shape::String, |logical| Shape::Logical(logical, Base::String)),
            Kind::Array(items) => {
                let within = within.map(|suffix| format!("{suffix}Item"));
                Shape::Array(Box::new(self.shape(items, within.as_deref())))
            }
            Kind::Map(values) => {
                let within = within.map(|suffix| format!("{suffix}Value"));
                Shape::Map(Box::new(self.shape(values, within.as_deref())))
            }
            Kind::Union(branches) => self.union(branches, within.unwrap_or_default()),
            Kind::Named(id) => named(self.model, *id),
        }
    }

    fn union(&mut self, branches: &[Node], suffix: &str) -> Shape {
        let null = branches
            .iter()
            .position(|branch| matches!(branch.kind, Kind::Null));
        match (branches, null) {
            ([only], _) => Shape::Single(Box::new(self.shape(only, Some(suffix)))),
            ([_, some], Some(0)) => Shape::Optional {
                null: 0,
                some: Box::new(self.shape(some, Some(suffix))),
            },
            ([some, _], Some(_)) => Shape::Optional {
                null: 1,
                some: Box::new(self.shape(some, Some(suffix))),
            },
            _ => {
                let variants = branches
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| Some(*index) != null);
                let variants = variants.map(|(index, branch)| Variant {
                    index,
                    branch: branch_name(self.model, &branch.kind),
                    shape: self.shape(branch, Some(suffix)),
                });
                let variants = variants.collect();
                Shape::Union(self.enumerate(branches.len(), null, variants, suffix))
            }
        }
    }

    /// The same union twice in a record is one enum.
    fn enumerate(
        &mut self,
        branches: usize,
        null: Option<usize>,
        variants: Vec<Variant>,
        suffix: &str,
    ) -> UnionId {
        let same = |union: &Union| {
            union.record == self.record && union.branches == branches && union.variants == variants
        };
        if let Some(index) = self.unions.iter().position(same) {
            return UnionId(index);
        }
        let (record, field, suffix) = (self.record, self.field, suffix.to_owned());
        self.unions.push(Union {
            record,
            field,
            suffix,
            branches,
            null,
            variants,
        });
        UnionId(self.unions.len() - 1)
    }
}

fn named(model: &Model, id: TypeId) -> Shape {
    let named = model.get(id);
    match (&named.definition, named.logical) {
        (Definition::Record(_), _) => Shape::Record(id),
        (Definition::Enum { .. }, _) => Shape::Enum(id),
        (Definition::Fixed { size }, Some(logical)) => Shape::Logical(logical, Base::Fixed(*size)),
        (Definition::Fixed { .. }, None) => Shape::Fixed(id),
    }
}

fn branch_name(model: &Model, kind: &Kind) -> String {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Long => "long",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Bytes => "bytes",
        Kind::String => "string",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Union(_) => "union",
        Kind::Named(id) => return model.get(*id).name.to_string(),
    }
    .to_owned()
}

/// Parses all texts together, and adds their mistakes to the errors of reading.
pub(crate) fn parse(schemas: &[Text], errors: &mut Vec<Error>) -> Types {
    let sources = schemas.iter().map(|file| Source {
        path: &file.path,
        text: &file.text,
    });
    let mut parsed = kaufmann_avro::parse_partial(&sources.collect::<Vec<_>>());
    let found = std::mem::take(&mut parsed.errors)
        .into_iter()
        .filter(|error| !follows(error, errors))
        .map(|error| Error {
            kind: ErrorKind::Schema(error.kind.to_string()),
            path: error.path,
            line: error.line,
            column: error.column,
        });
    let found = found.collect::<Vec<_>>();
    errors.extend(found);
    Types::new(parsed)
}

/// Whether an error may only follow from a file that could not be read.
fn follows(error: &SchemaError, unread: &[Error]) -> bool {
    let not_utf8 = |other: &&Error| matches!(other.kind, ErrorKind::NotUtf8 { .. });
    let mut not_utf8 = unread.iter().filter(not_utf8);
    match &error.kind {
        // The types of such a file are unknown.
        SchemaErrorKind::UnknownType { suggestion: None, .. }
            if unread
                .iter()
                .any(|other| matches!(other.kind, ErrorKind::Io { .. })) =>
        {
            true
        }
        SchemaErrorKind::Json(_) => not_utf8.any(|other| other.path == error.path),
        // It replaces bytes that are not UTF-8.
        kind => kind.to_string().contains('\u{fffd}') && not_utf8.next().is_some(),
    }
}
