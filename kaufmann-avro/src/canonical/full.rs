//! The full schema as text.

use std::collections::HashSet;
use std::fmt::Write;

use super::{LogicalKeys, quoted};
use crate::model::{Attributes, Definition, Field, Kind, Model, Name, NamedType, Node, TypeId};

/// What remains to be written, with the enclosing namespace.
enum Task<'m> {
    Node(&'m Node, &'m str),
    Field(&'m Field, &'m str),
    Text(String),
}

pub(super) fn write(model: &Model, root: &Node, docs: bool) -> String {
    let mut writer = Writer {
        model,
        docs,
        out: String::new(),
        defined: HashSet::new(),
        stack: vec![Task::Node(root, "")],
    };
    while let Some(task) = writer.stack.pop() {
        match task {
            Task::Text(text) => writer.out.push_str(&text),
            Task::Node(node, namespace) => writer.node(node, namespace),
            Task::Field(field, namespace) => writer.field(field, namespace),
        }
    }
    writer.out
}

struct Writer<'m> {
    model: &'m Model,
    docs: bool,
    out: String,
    defined: HashSet<TypeId>,
    stack: Vec<Task<'m>>,
}

impl<'m> Writer<'m> {
    fn node(&mut self, node: &'m Node, namespace: &'m str) {
        let rest = attributes(&node.attributes);
        match &node.kind {
            Kind::Array(inner) => {
                self.out.push_str("{\"type\":\"array\",\"items\":");
                self.stack
                    .extend([Task::Text(rest + "}"), Task::Node(inner, namespace)]);
            }
            Kind::Map(inner) => {
                self.out.push_str("{\"type\":\"map\",\"values\":");
                self.stack
                    .extend([Task::Text(rest + "}"), Task::Node(inner, namespace)]);
            }
            Kind::Union(branches) => {
                self.open(&rest, "[");
                let close = if rest.is_empty() {
                    "]".to_owned()
                } else {
                    format!("]{rest}}}")
                };
                self.stack.push(Task::Text(close));
                self.push_list(branches.iter().map(|branch| Task::Node(branch, namespace)));
            }
            Kind::Named(id) if self.defined.insert(*id) => {
                self.open(&rest, "");
                if !rest.is_empty() {
                    self.stack.push(Task::Text(rest + "}"));
                }
                self.definition(self.model.get(*id), namespace);
            }
            Kind::Named(id) => self.plain(&self.reference(&self.model.get(*id).name, namespace), &rest),
            kind => self.plain(
                &self.model.type_name(kind),
                &format!("{}{rest}", LogicalKeys(node.logical)),
            ),
        }
    }

    /// Begins a type that cannot carry attributes itself; if it has some, it needs an object around it.
    fn open(&mut self, rest: &str, begin: &str) {
        self.out.push_str(if rest.is_empty() { "" } else { "{\"type\":" });
        self.out.push_str(begin);
    }

    fn plain(&mut self, name: &str, rest: &str) {
        let name = quoted(name);
        if rest.is_empty() {
            self.out.push_str(&name);
        } else {
            let _ = write!(self.out, "{{\"type\":{name}{rest}}}");
        }
    }

    /// A name that means this type in the namespace.
    fn reference(&self, name: &Name, namespace: &str) -> String {
        let hidden = || self.model.find(&format!("{namespace}.{name}")).is_some();
        if name.namespace.is_empty() && !namespace.is_empty() && hidden() {
            format!(".{name}")
        } else {
            name.to_string()
        }
    }

    fn definition(&mut self, named: &'m NamedType, enclosing: &str) {
        let kind = match named.definition {
            Definition::Record(_) => "record",
            Definition::Enum { .. } => "enum",
            Definition::Fixed { .. } => "fixed",
        };
        let namespace = &named.name.namespace;
        let _ = write!(
            self.out,
            "{{\"type\":\"{kind}\",\"name\":{}",
            quoted(&named.name.simple)
        );
        if namespace != enclosing {
            let _ = write!(self.out, ",\"namespace\":{}", quoted(namespace));
        }
        self.doc(named.doc.as_deref());
        self.aliases(named.aliases.iter().map(|alias| match &alias.namespace {
            same if same == namespace => alias.simple.clone(),
            none if none.is_empty() => format!(".{alias}"),
            _ => alias.to_string(),
        }));
        let rest = attributes(&named.attributes);
        match &named.definition {
            Definition::Record(fields) => {
                let _ = write!(self.out, "{rest},\"fields\":[");
                self.stack.push(Task::Text("]}".to_owned()));
                self.push_list(fields.iter().map(|field| Task::Field(field, namespace)));
            }
            Definition::Enum { symbols, default } => {
                let symbols: Vec<_> = symbols.iter().map(|symbol| quoted(&symbol.name)).collect();
                let _ = write!(self.out, ",\"symbols\":[{}]", symbols.join(","));
                if let Some(default) = default {
                    let _ = write!(self.out, ",\"default\":{}", quoted(default));
                }
                let _ = write!(self.out, "{rest}}}");
            }
            Definition::Fixed { size } => {
                let _ = write!(self.out, ",\"size\":{size}{}{rest}}}", LogicalKeys(named.logical));
            }
        }
    }

    fn field(&mut self, field: &'m Field, namespace: &'m str) {
        let _ = write!(self.out, "{{\"name\":{}", quoted(&field.name));
        self.doc(field.doc.as_deref());
        self.aliases(field.aliases.iter().cloned());
        self.out.push_str(",\"type\":");
        let default = field
            .default
            .as_ref()
            .map_or(String::new(), |default| format!(",\"default\":{default}"));
        let rest = attributes(&field.attributes);
        self.stack.extend([
            Task::Text(format!("{default}{rest}}}")),
            Task::Node(&field.node, namespace),
        ]);
    }

    fn doc(&mut self, doc: Option<&str>) {
        if let Some(doc) = doc.filter(|_| self.docs) {
            let _ = write!(self.out, ",\"doc\":{}", quoted(doc));
        }
    }

    fn aliases(&mut self, aliases: impl Iterator<Item = String>) {
        let aliases: Vec<_> = aliases.map(|alias| quoted(&alias)).collect();
        if !aliases.is_empty() {
            let _ = write!(self.out, ",\"aliases\":[{}]", aliases.join(","));
        }
    }

    /// Pushes items and the commas between them, so that the first is popped first.
    fn push_list(&mut self, items: impl DoubleEndedIterator<Item = Task<'m>>) {
        for (index, item) in items.rev().enumerate() {
            if index > 0 {
                self.stack.push(Task::Text(",".to_owned()));
            }
            self.stack.push(item);
        }
    }
}

/// `,"key":value` for each.
fn attributes(attributes: &Attributes) -> String {
    attributes
        .0
        .iter()
        .map(|attribute| format!(",{}:{}", quoted(&attribute.key), attribute.value))
        .collect()
}
