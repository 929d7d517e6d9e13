//! Which names the files define. They are collected before anything is built, so that references may come first.

use std::collections::HashMap;

use super::error::{Errors, SchemaErrorKind};
use super::reader::{Json, Value};
use super::suggest::closest;
use crate::model::{Location, Name, TypeId};

pub(super) const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

/// All definitions of all files, by name and by place.
#[derive(Default)]
pub(super) struct Names {
    by_name: HashMap<String, TypeId>,
    by_place: HashMap<Location, TypeId>,
    pub(super) defined: Vec<Defined>,
}

pub(super) struct Defined {
    pub(super) name: Name,
    pub(super) at: Location,
}

impl Names {
    /// Collects the definitions in a type, an outer one before those within it.
    pub(super) fn declare(&mut self, json: &Json, namespace: &str, errors: &mut Errors<'_>) {
        if let Value::Array(branches) = &json.value {
            for branch in branches {
                self.declare(branch, namespace, errors);
            }
        }
        let Some(inner) = json.get("type") else { return };
        match inner.text() {
            Some("record" | "error") => {
                let name = full_name(json, namespace);
                let within = name
                    .as_ref()
                    .map_or(namespace.to_owned(), |name| name.namespace.clone());
                self.define(json, name, errors);
                let fields = json.get("fields").and_then(Json::items).unwrap_or_default();
                for ty in fields.iter().filter_map(|field| field.get("type")) {
                    self.declare(ty, &within, errors);
                }
            }
            Some("enum" | "fixed") => self.define(json, full_name(json, namespace), errors),
            Some("array") => self.declare_attribute(json, "items", namespace, errors),
            Some("map") => self.declare_attribute(json, "values", namespace, errors),
            Some(_) => {}
            None => self.declare(inner, namespace, errors),
        }
    }

    fn declare_attribute(&mut self, json: &Json, key: &str, namespace: &str, errors: &mut Errors<'_>) {
        if let Some(inner) = json.get(key) {
            self.declare(inner, namespace, errors);
        }
    }

    fn define(&mut self, json: &Json, name: Option<Name>, errors: &mut Errors<'_>) {
        let (Some(name), Some(name_json)) = (name, json.get("name")) else {
            return;
        };
        let (full, at) = (name.to_string(), name_json.at);
        if let Some(first) = self.by_name.get(&full) {
            let first = errors.place(self.defined[first.0].at);
            errors.push(at, SchemaErrorKind::DuplicateType { name: full, first });
        } else {
            self.by_name.insert(full, TypeId(self.defined.len()));
        }
        // A second definition is built too, for what is wrong in it; references mean the first.
        let id = TypeId(self.defined.len());
        self.by_place.insert(json.at, id);
        self.defined.push(Defined { name, at });
    }

    /// The type that is defined at this place, unless its name was taken already.
    pub(super) fn defined_at(&self, at: Location) -> Option<TypeId> {
        self.by_place.get(&at).copied()
    }

    /// The type that `reference` means in a namespace.
    pub(super) fn resolve(&self, reference: &str, namespace: &str) -> Option<TypeId> {
        if let Some(global) = reference.strip_prefix('.') {
            return self.by_name.get(global).copied();
        }
        if !namespace.is_empty()
            && !reference.contains('.')
            && let Some(id) = self.by_name.get(&format!("{namespace}.{reference}"))
        {
            return Some(*id);
        }
        self.by_name.get(reference).copied()
    }

    /// What somebody who wrote `reference` may have meant, as it must be written there.
    pub(super) fn suggest(&self, reference: &str, namespace: &str) -> Option<String> {
        if let Some(primitive) = closest(reference, PRIMITIVES) {
            return Some(primitive.to_owned());
        }
        let simple = reference.rsplit_once('.').map_or(reference, |(_, simple)| simple);
        let distance = |defined: &&Defined| strsim::osa_distance(&defined.name.to_string(), reference);
        let candidates = self
            .defined
            .iter()
            .filter(|d| closest(simple, [d.name.simple.as_str()]).is_some());
        candidates
            .min_by_key(distance)
            .map(|defined| match defined.name.namespace == namespace {
                true => defined.name.simple.clone(),
                false => defined.name.to_string(),
            })
    }
}

/// The full name in a definition; nothing if it has none.
pub(super) fn full_name(json: &Json, enclosing: &str) -> Option<Name> {
    let name = json.get("name")?.text()?;
    let namespace = json.get("namespace").and_then(Json::text).unwrap_or(enclosing);
    Some(qualify(name, namespace))
}

/// A name as it is meant in a namespace.
pub(super) fn qualify(name: &str, namespace: &str) -> Name {
    let (namespace, simple) = name.rsplit_once('.').unwrap_or((namespace, name));
    Name {
        namespace: namespace.to_owned(),
        simple: simple.to_owned(),
    }
}

/// What a file may define that cannot be read: what stands behind each of its words `name`, without namespace. Fields are
/// among it, as nothing tells them from types there.
pub(super) fn possible(text: &str) -> impl Iterator<Item = &str> {
    text.split("name").skip(1).filter_map(|rest| {
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || "\"':=,".contains(c));
        // `namespace`, `names`: another word.
        if value.len() == rest.len() {
            return None;
        }
        let end = value.find(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c)));
        let name = value.get(..end.unwrap_or(value.len()))?;
        name.rsplit('.').next().filter(|simple| !simple.is_empty())
    })
}

/// Whether the specification allows it as a name without dots.
pub(super) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the specification allows it as a namespace.
pub(super) fn is_namespace(namespace: &str) -> bool {
    namespace.is_empty() || namespace.split('.').all(is_name)
}
