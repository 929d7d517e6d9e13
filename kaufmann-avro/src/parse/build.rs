//! From JSON to nodes, with every reference resolved.

use std::collections::HashSet;

use super::error::{Errors, SchemaErrorKind};
use super::logical;
use super::names::Names;
use super::reader::{Json, Value};
use super::synonyms::avro_type;
use crate::model::{
    Attribute, Attributes, Definition, File, Kind, Location, Logical, Model, NamedType, Node, TypeId,
};

/// A model and what its checks need.
pub(super) struct Built {
    pub(super) model: Model,
    /// The types with a mistake.
    pub(super) broken: HashSet<TypeId>,
    /// Every default: its type, the index of its field, its place.
    pub(super) defaults: Vec<(TypeId, usize, Location)>,
    /// The further definitions of types.
    pub(super) repeats: Vec<Repeat>,
}

/// A further definition of a type.
pub(super) struct Repeat {
    pub(super) id: TypeId,
    pub(super) named: NamedType,
    /// Whether it was built without a mistake.
    pub(super) whole: bool,
    /// Whether its file already defines the type.
    pub(super) again: bool,
}

/// Builds the nodes of all files. An invalid part is reported and becomes `None`.
pub(super) struct Builder<'t, 'e> {
    pub(super) names: &'t Names,
    pub(super) errors: &'t mut Errors<'e>,
    pub(super) built: Built,
    /// The field whose type is being built, for messages.
    pub(super) field: Option<String>,
}

impl<'t, 'e> Builder<'t, 'e> {
    pub(super) fn new(names: &'t Names, errors: &'t mut Errors<'e>) -> Self {
        let types = names.defined.iter().map(|defined| NamedType {
            name: defined.name.clone(),
            aliases: Vec::new(),
            doc: None,
            attributes: Attributes::default(),
            logical: None,
            definition: Definition::Record(Vec::new()),
            at: defined.at,
        });
        let model = Model {
            files: Vec::new(),
            types: types.collect(),
        };
        let built = Built {
            model,
            broken: HashSet::new(),
            defaults: Vec::new(),
            repeats: Vec::new(),
        };
        Self {
            names,
            errors,
            built,
            field: None,
        }
    }

    /// Builds the type of a file.
    pub(super) fn file(&mut self, file: usize, path: &str, text: Option<&Json>) {
        let start = Location {
            file,
            line: 1,
            column: 1,
        };
        let root = text
            .and_then(|text| self.node(text, ""))
            .unwrap_or_else(|| hole(start));
        self.built.model.files.push(File {
            path: path.to_owned(),
            root,
        });
    }

    pub(super) fn finish(self) -> Built {
        self.built
    }

    /// Builds the type at this place.
    pub(super) fn node(&mut self, json: &Json, namespace: &str) -> Option<Node> {
        match &json.value {
            Value::String(name) => self
                .reference(name, json.at, namespace)
                .map(|kind| node(kind, json.at)),
            Value::Array(branches) => self.union(branches, namespace).map(|kind| node(kind, json.at)),
            Value::Object(_) => self.object(json, namespace),
            _ => {
                self.errors.push(json.at, SchemaErrorKind::NotAType(json.what()));
                None
            }
        }
    }

    fn object(&mut self, json: &Json, namespace: &str) -> Option<Node> {
        let Some(ty) = json.get("type") else {
            self.missing(json, "a type", "type");
            return None;
        };
        let Some(name) = ty.text() else {
            return self.wrapped(json, ty, namespace);
        };
        let (kind, defined): (_, &[&str]) = match name {
            "record" | "error" => {
                return self
                    .record(json, namespace)
                    .map(|id| node(Kind::Named(id), json.at));
            }
            "enum" => {
                return self
                    .enumeration(json, namespace)
                    .map(|id| node(Kind::Named(id), json.at));
            }
            "fixed" => {
                return self
                    .fixed(json, namespace)
                    .map(|id| node(Kind::Named(id), json.at));
            }
            "array" => (
                Kind::Array(self.inner(json, "an array", "items", namespace)?),
                &["type", "items"],
            ),
            "map" => (
                Kind::Map(self.inner(json, "a map", "values", namespace)?),
                &["type", "values"],
            ),
            _ => (self.reference(name, ty.at, namespace)?, &["type"]),
        };
        let logical = logical::of(json, &kind);
        Some(Node {
            attributes: attributes(json, defined, logical.is_some()),
            kind,
            logical,
            at: json.at,
        })
    }

    /// `{"type": {…}}`, a type in the place of its name.
    fn wrapped(&mut self, json: &Json, inner: &Json, namespace: &str) -> Option<Node> {
        let mut node = self.node(inner, namespace)?;
        let logical = if node.logical.is_none() {
            logical::of(json, &node.kind)
        } else {
            None
        };
        node.logical = node.logical.or(logical);
        node.attributes
            .0
            .extend(attributes(json, &["type"], logical.is_some()).0);
        Some(node)
    }

    fn inner(&mut self, json: &Json, of: &str, key: &'static str, namespace: &str) -> Option<Box<Node>> {
        match json.get(key) {
            Some(inner) => self.node(inner, namespace).map(Box::new),
            None => {
                self.missing(json, of, key);
                None
            }
        }
    }

    fn union(&mut self, branches: &[Json], namespace: &str) -> Option<Kind> {
        let mut nodes: Vec<Node> = Vec::with_capacity(branches.len());
        let mut complete = true;
        for branch in branches {
            let Some(node) = self.node(branch, namespace) else {
                complete = false;
                continue;
            };
            if matches!(node.kind, Kind::Union(_)) {
                self.errors.push(branch.at, SchemaErrorKind::NestedUnion);
                complete = false;
            } else if let Some(first) = nodes.iter().find(|other| same_branch(&other.kind, &node.kind)) {
                let first = self.errors.place(first.at);
                let branch_name = self.built.model.type_name(&node.kind);
                self.errors.push(
                    branch.at,
                    SchemaErrorKind::DuplicateBranch {
                        branch: branch_name,
                        first,
                    },
                );
            } else {
                nodes.push(node);
            }
        }
        complete.then_some(Kind::Union(nodes))
    }

    fn reference(&mut self, name: &str, at: Location, namespace: &str) -> Option<Kind> {
        if let Some(kind) = primitive(name) {
            return Some(kind);
        }
        if let Some(id) = self.names.resolve(name, namespace) {
            return Some(Kind::Named(id));
        }
        let complex = matches!(
            name,
            "record" | "error" | "enum" | "fixed" | "array" | "map" | "union"
        );
        let suggest = || {
            self.names
                .suggest(name, namespace)
                .or_else(|| avro_type(name).map(str::to_owned))
        };
        self.errors.push(
            at,
            match complex || Logical::named(name).is_some() {
                true => SchemaErrorKind::SpeltOut(name.to_owned()),
                false => SchemaErrorKind::UnknownType {
                    field: self.field.clone(),
                    name: name.to_owned(),
                    suggestion: suggest(),
                },
            },
        );
        None
    }

    /// Reports a missing attribute of the type at this place.
    pub(super) fn missing(&mut self, json: &Json, of: &str, attribute: &'static str) {
        self.errors.push(
            json.at,
            SchemaErrorKind::MissingAttribute {
                of: of.to_owned(),
                attribute,
            },
        );
    }
}

/// The placeholder of an invalid type; it is never returned without an error.
pub(super) fn hole(at: Location) -> Node {
    node(Kind::Null, at)
}

fn node(kind: Kind, at: Location) -> Node {
    Node {
        kind,
        logical: None,
        attributes: Attributes::default(),
        at,
    }
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

/// Whether a union may not hold both.
fn same_branch(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::Named(one), Kind::Named(other)) => one == other,
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// The attributes that the specification does not define for this type.
pub(super) fn attributes(json: &Json, defined: &[&str], is_logical: bool) -> Attributes {
    let consumed = |key: &str| defined.contains(&key) || is_logical && logical_keys(json).contains(&key);
    let others = json.members().iter().filter(|member| !consumed(&member.key));
    Attributes(
        others
            .map(|member| Attribute {
                key: member.key.clone(),
                value: member.value.plain(),
                at: member.value.at,
            })
            .collect(),
    )
}

/// The keys that a logical type uses.
fn logical_keys(json: &Json) -> &'static [&'static str] {
    match json.get("logicalType").and_then(Json::text) {
        Some("decimal") => &["logicalType", "precision", "scale"],
        _ => &["logicalType"],
    }
}
