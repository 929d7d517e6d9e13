//! What changed between two versions of a schema, place by place. Whether a change is compatible is checked by
//! [`compatibility`](crate::compatibility).
//!
//! ```
//! use kaufmann_avro::{Schema, diff::diff};
//!
//! let old = Schema::parse(r#"{"type": "record", "name": "User", "fields": []}"#).unwrap();
//! let new = Schema::parse(
//!     r#"{"type": "record", "name": "User", "fields": [{"name": "age", "type": "int", "default": 0}]}"#,
//! )
//! .unwrap();
//! let changes = diff((&old).into(), (&new).into());
//! assert_eq!(changes[0].to_string(), "`age` added: int, default 0");
//! ```

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::model::{Definition, Field, Kind, NamedType, Node, Symbol};
use crate::resolve::Typed;

/// A place in which two versions of a schema differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Where in a value, from the top: `address.street`, `items[].price`, `tags{}`. Empty at the top itself.
    pub path: String,
    /// What is different there.
    pub kind: ChangeKind,
}

/// What is different in a place.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The field is new.
    FieldAdded {
        /// Its type, as errors name it.
        of: String,
        /// Its default.
        default: Option<Value>,
    },
    /// The field was removed.
    FieldRemoved {
        /// The type it had.
        of: String,
    },
    /// The field had another name, which is an alias now.
    FieldRenamed {
        /// The name it had.
        from: String,
    },
    /// The type differs.
    Type {
        /// The type it was.
        from: String,
        /// The type it is.
        to: String,
    },
    /// The type has another full name.
    Name {
        /// The name it had.
        from: String,
        /// The name it has.
        to: String,
    },
    /// The field's default differs.
    Default {
        /// The default it had.
        from: Option<Value>,
        /// The default it has.
        to: Option<Value>,
    },
    /// The union has a new branch.
    BranchAdded(String),
    /// The union has lost a branch.
    BranchRemoved(String),
    /// The enum has new symbols.
    SymbolsAdded(Vec<String>),
    /// The enum has lost symbols.
    SymbolsRemoved(Vec<String>),
    /// The default symbol differs.
    SymbolDefault {
        /// The symbol it was.
        from: Option<String>,
        /// The symbol it is.
        to: Option<String>,
    },
    /// The fixed has another size.
    Size {
        /// The bytes it had.
        from: usize,
        /// The bytes it has.
        to: usize,
    },
    /// The fields or symbols or branches that both have are in another order.
    Order,
}

/// All places in which `new` differs from `old`, in the order of `new`. Docs and attributes that the specification does not
/// define do not count, nor do aliases by themselves.
#[must_use]
pub fn diff(old: Typed<'_>, new: Typed<'_>) -> Vec<Change> {
    let mut walk = Walk {
        old,
        new,
        changes: Vec::new(),
        open: vec![(old.node, new.node, String::new())],
    };
    let mut seen = HashSet::new();
    // A list instead of recursion: a schema may be of any depth.
    while let Some((old, new, path)) = walk.open.pop() {
        if let (Kind::Named(old), Kind::Named(new)) = (&old.kind, &new.kind)
            && !seen.insert((*old, *new))
        {
            continue;
        }
        let later = walk.open.len();
        walk.node(old, new, &path);
        walk.open[later..].reverse();
    }
    walk.changes
}

struct Walk<'s> {
    old: Typed<'s>,
    new: Typed<'s>,
    changes: Vec<Change>,
    open: Vec<(&'s Node, &'s Node, String)>,
}

impl<'s> Walk<'s> {
    fn node(&mut self, old: &'s Node, new: &'s Node, path: &str) {
        match (&old.kind, &new.kind) {
            (Kind::Array(theirs), Kind::Array(ours)) => self.open.push((theirs, ours, format!("{path}[]"))),
            (Kind::Map(theirs), Kind::Map(ours)) => self.open.push((theirs, ours, format!("{path}{{}}"))),
            (Kind::Union(theirs), Kind::Union(ours)) => self.branches(theirs, ours, path),
            (Kind::Named(theirs), Kind::Named(ours)) => {
                let (theirs, ours) = (self.old.model.get(*theirs), self.new.model.get(*ours));
                self.named(theirs, ours, (old, new), path);
            }
            _ => self.types(old, new, path),
        }
    }

    /// Compares two types by their names.
    fn types(&mut self, old: &Node, new: &Node, path: &str) {
        let (from, to) = (self.old.model.describe(old), self.new.model.describe(new));
        if from != to {
            self.note(path, ChangeKind::Type { from, to });
        }
    }

    fn named(&mut self, old: &'s NamedType, new: &'s NamedType, nodes: (&'s Node, &'s Node), path: &str) {
        match (&old.definition, &new.definition) {
            (Definition::Record(theirs), Definition::Record(ours)) => {
                self.name(old, new, path);
                self.fields(theirs, ours, path);
            }
            (
                Definition::Enum {
                    symbols: theirs,
                    default: from,
                },
                Definition::Enum {
                    symbols: ours,
                    default: to,
                },
            ) => {
                self.name(old, new, path);
                self.symbols(theirs, ours, path);
                if from != to {
                    let (from, to) = (from.clone(), to.clone());
                    self.note(path, ChangeKind::SymbolDefault { from, to });
                }
            }
            (Definition::Fixed { size: from }, Definition::Fixed { size: to }) => {
                self.name(old, new, path);
                if from != to {
                    let (from, to) = (*from, *to);
                    self.note(path, ChangeKind::Size { from, to });
                } else if old.logical != new.logical {
                    self.types(nodes.0, nodes.1, path);
                }
            }
            _ => self.types(nodes.0, nodes.1, path),
        }
    }

    fn name(&mut self, old: &NamedType, new: &NamedType, path: &str) {
        if old.name != new.name {
            let (from, to) = (old.name.to_string(), new.name.to_string());
            self.note(path, ChangeKind::Name { from, to });
        }
    }

    fn fields(&mut self, old: &'s [Field], new: &'s [Field], path: &str) {
        let inside = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        let mut places = Vec::new();
        for field in new {
            let place = inside(&field.name);
            let Some(at) = former(old, new, field) else {
                let (of, default) = (self.new.model.describe(&field.node), field.default.clone());
                self.note(&place, ChangeKind::FieldAdded { of, default });
                continue;
            };
            let was = &old[at];
            places.push(at);
            if was.name != field.name {
                let from = was.name.clone();
                self.note(&place, ChangeKind::FieldRenamed { from });
            }
            if was.default != field.default {
                let (from, to) = (was.default.clone(), field.default.clone());
                self.note(&place, ChangeKind::Default { from, to });
            }
            self.open.push((&was.node, &field.node, place));
        }
        for (at, field) in old.iter().enumerate() {
            if !places.contains(&at) {
                let of = self.old.model.describe(&field.node);
                self.note(&inside(&field.name), ChangeKind::FieldRemoved { of });
            }
        }
        self.order(&places, path);
    }

    fn symbols(&mut self, old: &[Symbol], new: &[Symbol], path: &str) {
        let only = |these: &[Symbol], those: &[Symbol]| {
            let missing = |symbol: &&Symbol| !those.iter().any(|other| other.name == symbol.name);
            let names = these.iter().filter(missing).map(|symbol| symbol.name.clone());
            names.collect::<Vec<_>>()
        };
        let (added, removed) = (only(new, old), only(old, new));
        if !added.is_empty() {
            self.note(path, ChangeKind::SymbolsAdded(added));
        }
        if !removed.is_empty() {
            self.note(path, ChangeKind::SymbolsRemoved(removed));
        }
        let place = |symbol: &Symbol| old.iter().position(|former| former.name == symbol.name);
        self.order(&new.iter().filter_map(place).collect::<Vec<_>>(), path);
    }

    fn branches(&mut self, old: &'s [Node], new: &'s [Node], path: &str) {
        let called = |typed: Typed<'_>, node: &Node| typed.model.type_name(&node.kind);
        let mut places = Vec::new();
        for branch in new {
            let name = called(self.new, branch);
            match old.iter().position(|former| called(self.old, former) == name) {
                Some(at) => {
                    places.push(at);
                    self.open.push((&old[at], branch, path.to_owned()));
                }
                None => self.note(path, ChangeKind::BranchAdded(self.new.model.describe(branch))),
            }
        }
        for (at, branch) in old.iter().enumerate() {
            if !places.contains(&at) {
                self.note(path, ChangeKind::BranchRemoved(self.old.model.describe(branch)));
            }
        }
        self.order(&places, path);
    }

    fn order(&mut self, places: &[usize], path: &str) {
        if !places.is_sorted() {
            self.note(path, ChangeKind::Order);
        }
    }

    fn note(&mut self, path: &str, kind: ChangeKind) {
        self.changes.push(Change {
            path: path.to_owned(),
            kind,
        });
    }
}

/// The place of the field that a field was: the one of its name, else one whose name is an alias now and is used no more.
fn former(old: &[Field], new: &[Field], field: &Field) -> Option<usize> {
    let named = |name: &str| old.iter().position(|former| former.name == name);
    let is_free = |alias: &&String| !new.iter().any(|other| other.name == **alias);
    named(&field.name).or_else(|| {
        field
            .aliases
            .iter()
            .filter(is_free)
            .find_map(|alias| named(alias))
    })
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str("the schema")?;
        } else {
            write!(f, "`{}`", self.path)?;
        }
        f.write_str(" ")?;
        let or_none = |value: &Option<Value>| value.as_ref().map_or("none".to_owned(), Value::to_string);
        let or_nothing = |symbol: &Option<String>| symbol.clone().unwrap_or_else(|| "none".to_owned());
        match &self.kind {
            ChangeKind::FieldAdded { of, default: None } => write!(f, "added: {of}, no default"),
            ChangeKind::FieldAdded {
                of,
                default: Some(default),
            } => write!(f, "added: {of}, default {default}"),
            ChangeKind::FieldRemoved { of } => write!(f, "removed: {of}"),
            ChangeKind::FieldRenamed { from } => write!(f, "renamed: it was `{from}`, now an alias"),
            ChangeKind::Type { from, to } => write!(f, "changed: {from} → {to}"),
            ChangeKind::Name { from, to } => write!(f, "has another type name: {from} → {to}"),
            ChangeKind::Default { from, to } => {
                write!(f, "has another default: {} → {}", or_none(from), or_none(to))
            }
            ChangeKind::BranchAdded(branch) => write!(f, "may now be {branch}"),
            ChangeKind::BranchRemoved(branch) => write!(f, "can no longer be {branch}"),
            ChangeKind::SymbolsAdded(symbols) => write!(f, "has new symbols: {}", symbols.join(", ")),
            ChangeKind::SymbolsRemoved(symbols) => write!(f, "has lost symbols: {}", symbols.join(", ")),
            ChangeKind::SymbolDefault { from, to } => write!(
                f,
                "has another default symbol: {} → {}",
                or_nothing(from),
                or_nothing(to)
            ),
            ChangeKind::Size { from, to } => write!(f, "has another size: {from} → {to} bytes"),
            ChangeKind::Order => f.write_str("is in another order"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;

    fn texts(old: &str, new: &str) -> Vec<String> {
        let (old, new) = (Schema::parse(old).unwrap(), Schema::parse(new).unwrap());
        diff((&old).into(), (&new).into())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn record(fields: &str) -> String {
        format!(r#"{{"type": "record", "name": "a.R", "fields": [{fields}]}}"#)
    }

    #[test]
    fn each_kind_of_change_is_reported_at_its_place() {
        let old = record(
            r#"{"name": "gone", "type": "string"},
               {"name": "mail", "type": "string"},
               {"name": "count", "type": "int", "default": 1},
               {"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A", "B"]}},
               {"name": "tags", "type": {"type": "map", "values": {"type": "fixed", "name": "F", "size": 2}}},
               {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "I", "fields": [
                   {"name": "price", "type": ["null", "int"]}]}}}"#,
        );
        let new = record(
            r#"{"name": "added", "type": ["null", "string"], "default": null},
               {"name": "bare", "type": "long"},
               {"name": "email", "aliases": ["mail"], "type": "string"},
               {"name": "count", "type": "long", "default": 2},
               {"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A", "C"], "default": "A"}},
               {"name": "tags", "type": {"type": "map", "values": {"type": "fixed", "name": "F", "size": 4}}},
               {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "I", "fields": [
                   {"name": "price", "type": ["null", "string"]}]}}}"#,
        );
        assert_eq!(
            texts(&old, &new),
            [
                r#"`added` added: ["null", "string"], default null"#,
                "`bare` added: long, no default",
                "`email` renamed: it was `mail`, now an alias",
                "`count` has another default: 1 → 2",
                "`gone` removed: string",
                "`count` changed: int → long",
                "`state` has new symbols: C",
                "`state` has lost symbols: B",
                "`state` has another default symbol: none → A",
                "`tags{}` has another size: 2 → 4 bytes",
                "`items[].price` may now be string",
                "`items[].price` can no longer be int",
            ]
        );
    }

    #[test]
    fn a_new_order_is_reported_and_a_new_doc_is_not() {
        let old = record(r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int", "doc": "Old."}"#);
        let new = record(r#"{"name": "y", "type": "int", "doc": "New."}, {"name": "x", "type": "int"}"#);
        assert_eq!(texts(&old, &new), ["the schema is in another order"]);
        let new = old.replace("Old.", "New.");
        assert_eq!(texts(&old, &new), [""; 0]);
    }

    #[test]
    fn a_recursive_schema_is_compared_once() {
        let list = |of: &str| {
            format!(
                r#"{{"type": "record", "name": "L", "fields": [
                    {{"name": "of", "type": "{of}"}}, {{"name": "next", "type": ["null", "L"]}}]}}"#
            )
        };
        assert_eq!(texts(&list("int"), &list("long")), ["`of` changed: int → long"]);
    }

    #[test]
    fn a_type_of_another_name_or_meaning_is_reported() {
        let time = |of: &str| {
            record(&format!(
                r#"{{"name": "at", "type": {{"type": "long", "logicalType": "{of}"}}}}"#
            ))
        };
        assert_eq!(
            texts(&time("timestamp-millis"), &time("timestamp-micros")),
            ["`at` changed: long (timestamp-millis) → long (timestamp-micros)"]
        );
        assert_eq!(
            texts(&record(""), &record("").replace("a.R", "a.S")),
            ["the schema has another type name: a.R → a.S"]
        );
    }
}
