//! Schemas as text: the parsing canonical form, the identity (with logical types), and the full text.
//!
//! All are written with an explicit stack instead of recursion: types of many files can nest deeper than the thread's stack
//! allows.

mod full;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt::Write;

use crate::model::{Definition, Field, Kind, Logical, Model, NamedType, Node, TypeId};

impl Model {
    /// The specification's parsing canonical form: what decides whether two schemas read the same bytes, without
    /// whitespace, docs, defaults, aliases and attributes. The first use of a named type defines it.
    ///
    /// ```
    /// let model = kaufmann_avro::parse_str(r#"{"type": "array", "items": {"type": "string"}}"#).unwrap();
    /// assert_eq!(model.canonical(&model.files[0].root), r#"{"type":"array","items":"string"}"#);
    /// ```
    #[must_use]
    pub fn canonical(&self, node: &Node) -> String {
        Canonical {
            model: self,
            with_logical: false,
        }
        .write(node)
    }

    /// The canonical form with logical types, precisions and scales: what decides whether two schemas give the same
    /// bytes the same meaning. Milliseconds and microseconds have one canonical form, but two identities.
    ///
    /// ```
    /// let model = kaufmann_avro::parse_str(r#"{"type": "int", "logicalType": "date"}"#).unwrap();
    /// assert_eq!(model.identity(&model.files[0].root), r#"{"type":"int","logicalType":"date"}"#);
    /// ```
    #[must_use]
    pub fn identity(&self, node: &Node) -> String {
        Canonical {
            model: self,
            with_logical: true,
        }
        .write(node)
    }

    /// The schema with everything in it: docs, defaults, aliases, attributes, logical types. It is complete:
    /// named types are defined where they are first used.
    ///
    /// Layout, comments and the spelling of names are lost, and `error` becomes `record`.
    #[must_use]
    pub fn to_json(&self, node: &Node) -> String {
        full::write(self, node, true)
    }

    /// [`to_json`](Self::to_json) without docs, which never change what bytes mean.
    pub(crate) fn to_json_without_docs(&self, node: &Node) -> String {
        full::write(self, node, false)
    }
}

/// What remains to be written.
enum Task<'m> {
    Node(&'m Node),
    Field(&'m Field),
    Text(&'static str),
}

struct Canonical<'m> {
    model: &'m Model,
    with_logical: bool,
}

impl<'m> Canonical<'m> {
    fn write(&self, root: &'m Node) -> String {
        let (mut out, mut defined, mut stack) = (String::new(), HashSet::new(), vec![Task::Node(root)]);
        while let Some(task) = stack.pop() {
            match task {
                Task::Text(text) => out.push_str(text),
                Task::Field(field) => {
                    let _ = write!(out, "{{\"name\":{},\"type\":", quoted(&field.name));
                    stack.extend([Task::Text("}"), Task::Node(&field.node)]);
                }
                Task::Node(node) => self.node(node, &mut out, &mut defined, &mut stack),
            }
        }
        out
    }

    fn node(
        &self,
        node: &'m Node,
        out: &mut String,
        defined: &mut HashSet<TypeId>,
        stack: &mut Vec<Task<'m>>,
    ) {
        match &node.kind {
            Kind::Array(inner) => {
                out.push_str("{\"type\":\"array\",\"items\":");
                stack.extend([Task::Text("}"), Task::Node(inner)]);
            }
            Kind::Map(inner) => {
                out.push_str("{\"type\":\"map\",\"values\":");
                stack.extend([Task::Text("}"), Task::Node(inner)]);
            }
            Kind::Union(branches) => {
                out.push('[');
                stack.push(Task::Text("]"));
                push_list(stack, branches.iter().map(Task::Node));
            }
            Kind::Named(id) if defined.insert(*id) => self.definition(self.model.get(*id), out, stack),
            kind => {
                let name = quoted(&self.model.type_name(kind));
                match node.logical.filter(|_| self.with_logical) {
                    Some(logical) => {
                        let _ = write!(out, "{{\"type\":{name}{}}}", LogicalKeys(Some(logical)));
                    }
                    None => out.push_str(&name),
                }
            }
        }
    }

    fn definition(&self, named: &'m NamedType, out: &mut String, stack: &mut Vec<Task<'m>>) {
        let _ = write!(out, "{{\"name\":{},", quoted(&named.name.to_string()));
        match &named.definition {
            Definition::Record(fields) => {
                out.push_str("\"type\":\"record\",\"fields\":[");
                stack.push(Task::Text("]}"));
                push_list(stack, fields.iter().map(Task::Field));
            }
            Definition::Enum { symbols, .. } => {
                let symbols: Vec<_> = symbols.iter().map(|symbol| quoted(&symbol.name)).collect();
                let _ = write!(out, "\"type\":\"enum\",\"symbols\":[{}]}}", symbols.join(","));
            }
            Definition::Fixed { size } => {
                let logical = LogicalKeys(named.logical.filter(|_| self.with_logical));
                let _ = write!(out, "\"type\":\"fixed\",\"size\":{size}{logical}}}");
            }
        }
    }
}

/// Pushes items and the commas between them, so that the first is popped first.
fn push_list<'m>(stack: &mut Vec<Task<'m>>, items: impl DoubleEndedIterator<Item = Task<'m>>) {
    for (index, item) in items.rev().enumerate() {
        if index > 0 {
            stack.push(Task::Text(","));
        }
        stack.push(item);
    }
}

/// A JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `,"logicalType":"decimal","precision":9,"scale":2`
struct LogicalKeys(Option<Logical>);

impl std::fmt::Display for LogicalKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(logical) = self.0 else { return Ok(()) };
        write!(f, ",\"logicalType\":\"{}\"", logical.name())?;
        match logical {
            Logical::Decimal { precision, scale } => {
                write!(f, ",\"precision\":{precision},\"scale\":{scale}")
            }
            _ => Ok(()),
        }
    }
}
