//! The names that the files define. They are collected before types are built, so that a reference may precede its definition.

use std::collections::{HashMap, HashSet};

use super::reader::{Json, Value};
use crate::model::{Location, Name, TypeId};
use crate::suggest::{closest, distance};

pub(super) const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

/// All definitions of all files, by name and by place.
#[derive(Default)]
pub(super) struct Names {
    by_name: HashMap<String, TypeId>,
    by_place: HashMap<Location, TypeId>,
    /// The definitions of a name that their own file already defines.
    again: HashSet<Location>,
    pub(super) defined: Vec<Defined>,
}

/// A type, and which of its definitions is kept.
pub(super) struct Defined {
    pub(super) name: Name,
    /// The position of its name.
    pub(super) at: Location,
    /// Where the definition begins.
    place: Location,
    /// Whether it is at the top of its file.
    top: bool,
    /// The last file that defines the name.
    last: usize,
}

impl Names {
    /// Collects the definitions in a file.
    pub(super) fn declare(&mut self, file: &Json) {
        self.collect(file, "", true);
    }

    /// Collects the definitions in a type, an outer one before those within it.
    fn collect(&mut self, json: &Json, namespace: &str, top: bool) {
        if let Value::Array(branches) = &json.value {
            for branch in branches {
                self.collect(branch, namespace, top);
            }
        }
        let Some(inner) = json.get("type") else { return };
        match inner.text() {
            Some("record" | "error") => {
                let name = full_name(json, namespace);
                let within = name
                    .as_ref()
                    .map_or(namespace.to_owned(), |name| name.namespace.clone());
                self.define(json, name, top);
                let fields = json.get("fields").and_then(Json::items).unwrap_or_default();
                for ty in fields.iter().filter_map(|field| field.get("type")) {
                    self.collect(ty, &within, false);
                }
            }
            Some("enum" | "fixed") => self.define(json, full_name(json, namespace), top),
            Some("array") => self.collect_attribute(json, "items", namespace),
            Some("map") => self.collect_attribute(json, "values", namespace),
            Some(_) => {}
            None => self.collect(inner, namespace, top),
        }
    }

    fn collect_attribute(&mut self, json: &Json, key: &str, namespace: &str) {
        if let Some(inner) = json.get(key) {
            self.collect(inner, namespace, false);
        }
    }

    /// Of several definitions of a name, the first at the top of a file is kept, else the first: the one at the top has an
    /// event's attributes.
    fn define(&mut self, json: &Json, name: Option<Name>, top: bool) {
        let (Some(name), Some(name_json)) = (name, json.get("name")) else {
            return;
        };
        let new = Defined {
            at: name_json.at,
            place: json.at,
            top,
            last: json.at.file,
            name,
        };
        let id = *self
            .by_name
            .entry(new.name.to_string())
            .or_insert(TypeId(self.defined.len()));
        self.by_place.insert(json.at, id);
        let Some(known) = self.defined.get_mut(id.0) else {
            self.defined.push(new);
            return;
        };
        if known.last == new.last {
            self.again.insert(new.place);
        } else if top && !known.top {
            *known = new;
        } else {
            known.last = new.last;
        }
    }

    /// The type that is defined at this place.
    pub(super) fn defined_at(&self, at: Location) -> Option<TypeId> {
        self.by_place.get(&at).copied()
    }

    /// Whether the definition at this place is the one that is kept.
    pub(super) fn is_kept(&self, at: Location) -> bool {
        self.defined_at(at)
            .is_some_and(|id| self.defined[id.0].place == at)
    }

    /// Whether the file of the definition at this place already defines the name.
    pub(super) fn is_again(&self, at: Location) -> bool {
        self.again.contains(&at)
    }

    /// The type that `reference` names in a namespace.
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

    /// The type that a misspelt `reference` may mean, as it must be written there.
    pub(super) fn suggest(&self, reference: &str, namespace: &str) -> Option<String> {
        if let Some(primitive) = closest(reference, PRIMITIVES) {
            return Some(primitive.to_owned());
        }
        let simple = reference.rsplit_once('.').map_or(reference, |(_, simple)| simple);
        let edits = |defined: &&Defined| distance(&defined.name.to_string(), reference);
        let candidates = self
            .defined
            .iter()
            .filter(|d| closest(simple, [d.name.simple.as_str()]).is_some());
        candidates
            .min_by_key(edits)
            .map(|defined| match defined.name.namespace == namespace {
                true => defined.name.simple.clone(),
                false => defined.name.to_string(),
            })
    }
}

/// The full name of a definition, if it has one.
pub(super) fn full_name(json: &Json, enclosing: &str) -> Option<Name> {
    let name = json.get("name")?.text()?;
    let namespace = json.get("namespace").and_then(Json::text).unwrap_or(enclosing);
    Some(qualify(name, namespace))
}

/// A name in a namespace as a full name.
pub(super) fn qualify(name: &str, namespace: &str) -> Name {
    let (namespace, simple) = name.rsplit_once('.').unwrap_or((namespace, name));
    Name {
        namespace: namespace.to_owned(),
        simple: simple.to_owned(),
    }
}

/// The names that an unreadable file may define: what follows each of its words `name`, without namespace. They include
/// fields, which cannot be told from types there.
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
