//! Records, enums and fixed.

use std::collections::HashMap;

use super::build::{Builder, Repeat, attributes, hole};
use super::error::SchemaErrorKind;
use super::logical;
use super::names::{self, PRIMITIVES};
use super::reader::{Json, Value};
use crate::model::{Definition, Field, Location, Logical, Name, NamedType, Symbol, TypeId};
use crate::suggest::closest;

/// The result of a definition's own part: the definition, the keys it has read, its logical type.
type Part = (Definition, &'static [&'static str], Option<Logical>);

impl Builder<'_, '_> {
    pub(super) fn record(&mut self, json: &Json, namespace: &str) -> Option<TypeId> {
        self.define(json, namespace, "a record", |builder, id, name| {
            let fields = match json.get("fields") {
                Some(list) => builder.fields(list, id, name),
                None => {
                    builder.missing(json, &format!("the record `{name}`"), "fields");
                    Vec::new()
                }
            };
            (Definition::Record(fields), &["fields"], None)
        })
    }

    pub(super) fn enumeration(&mut self, json: &Json, namespace: &str) -> Option<TypeId> {
        self.define(json, namespace, "an enum", |builder, _, name| {
            let symbols = match json.get("symbols") {
                Some(list) => builder.symbols(list, name),
                None => {
                    builder.missing(json, &format!("the enum `{name}`"), "symbols");
                    Vec::new()
                }
            };
            let default = json
                .get("default")
                .and_then(|default| builder.enum_default(default, name, &symbols));
            (
                Definition::Enum { symbols, default },
                &["symbols", "default"],
                None,
            )
        })
    }

    pub(super) fn fixed(&mut self, json: &Json, namespace: &str) -> Option<TypeId> {
        self.define(json, namespace, "a fixed", |builder, _, name| {
            let size = match json.get("size") {
                Some(size) => builder.size(size),
                None => {
                    builder.missing(json, &format!("the fixed `{name}`"), "size");
                    0
                }
            };
            (
                Definition::Fixed { size },
                &["size"],
                logical::of_fixed(json, size),
            )
        })
    }

    /// Builds the common attributes of all definitions, and the rest by `part`.
    fn define(
        &mut self,
        json: &Json,
        namespace: &str,
        what: &'static str,
        part: impl FnOnce(&mut Self, Option<TypeId>, &Name) -> Part,
    ) -> Option<TypeId> {
        let before = self.errors.hard();
        let outer_field = self.field.take();
        let id = self.names.defined_at(json.at);
        let is_kept = self.names.is_kept(json.at);
        let name = self.name(json, namespace, what);
        let (definition, own, logical) = part(self, id.filter(|_| is_kept), &name);
        let keys: Vec<_> = ["type", "name", "namespace", "doc", "aliases"]
            .iter()
            .chain(own)
            .copied()
            .collect();
        let named = NamedType {
            aliases: self
                .aliases(json)
                .iter()
                .map(|alias| names::qualify(alias, &name.namespace))
                .collect(),
            doc: self.doc(json),
            attributes: attributes(json, &keys, logical.is_some()),
            logical,
            definition,
            at: json.get("name").map_or(json.at, |name| name.at),
            name,
        };
        self.field = outer_field;
        // Without an id it lacks a name, which is an error already.
        let id = id?;
        let whole = self.errors.hard() == before;
        if !whole {
            self.built.broken.insert(id);
        }
        if is_kept {
            self.built.model.types[id.0] = named;
        } else {
            let again = self.names.is_again(json.at);
            self.built.repeats.push(Repeat {
                id,
                named,
                whole,
                again,
            });
        }
        Some(id)
    }

    fn name(&mut self, json: &Json, namespace: &str, what: &'static str) -> Name {
        let Some(name) = names::full_name(json, namespace) else {
            match json.get("name") {
                Some(other) => self.expected(other, "name", "a string"),
                None => self.missing(json, what, "name"),
            }
            return names::qualify("", namespace);
        };
        let at = json.get("name").map_or(json.at, |name| name.at);
        if !names::is_name(&name.simple) || !names::is_namespace(&name.namespace) {
            self.errors.push(
                at,
                SchemaErrorKind::InvalidName {
                    what,
                    name: name.to_string(),
                },
            );
        } else if PRIMITIVES.contains(&name.simple.as_str()) {
            self.errors
                .push(at, SchemaErrorKind::ReservedName(name.simple.clone()));
        }
        if let Some(namespace) = json
            .get("namespace")
            .filter(|namespace| namespace.text().is_none())
        {
            self.expected(namespace, "namespace", "a string");
        }
        name
    }

    fn fields(&mut self, list: &Json, record: Option<TypeId>, name: &Name) -> Vec<Field> {
        let Some(items) = list.items() else {
            self.expected(list, "fields", "an array");
            return Vec::new();
        };
        let mut fields: Vec<Field> = Vec::with_capacity(items.len());
        let mut seen: HashMap<String, Location> = HashMap::new();
        for item in items {
            let Some((field, complete)) = self.one_field(item, name) else {
                continue;
            };
            if let Some(first) = seen.get(&field.name) {
                let first = self.errors.place(*first);
                let kind = SchemaErrorKind::DuplicateField {
                    record: name.to_string(),
                    name: field.name,
                    first,
                };
                self.errors.push(field.at, kind);
                continue;
            }
            seen.insert(field.name.clone(), field.at);
            if let (Some(record), Some(default), true) = (record, item.get("default"), complete) {
                self.built.defaults.push((record, fields.len(), default.at));
            }
            fields.push(field);
        }
        self.field_aliases(&fields);
        fields
    }

    /// A field, and whether its type could be built.
    fn one_field(&mut self, json: &Json, record: &Name) -> Option<(Field, bool)> {
        let Value::Object(_) = json.value else {
            self.errors.push(
                json.at,
                SchemaErrorKind::Attribute {
                    attribute: "fields",
                    expected: "an array of objects",
                    found: json.what().to_owned(),
                },
            );
            return None;
        };
        let name = match json.get("name") {
            Some(name) => self.string(name, "name")?,
            None => {
                self.missing(json, &format!("a field of the record `{record}`"), "name");
                return None;
            }
        };
        let at = json.get("name").map_or(json.at, |name| name.at);
        if !names::is_name(name) {
            self.errors.push(
                at,
                SchemaErrorKind::InvalidName {
                    what: "a field",
                    name: name.to_owned(),
                },
            );
        }
        self.field = Some(name.to_owned());
        let node = match json.get("type") {
            Some(ty) => self.node(ty, &record.namespace),
            None => {
                self.missing(json, &format!("the field `{name}`"), "type");
                None
            }
        };
        self.field = None;
        let complete = node.is_some();
        let field = Field {
            name: name.to_owned(),
            aliases: self.aliases(json),
            doc: self.doc(json),
            default: json.get("default").map(Json::plain),
            node: node.unwrap_or_else(|| hole(at)),
            attributes: attributes(json, self.field_keys(json), false),
            at,
        };
        Some((field, complete))
    }

    /// The keys of a field that the specification defines. An order other than the default stays among the attributes,
    /// as the model has no other place for it.
    fn field_keys(&mut self, json: &Json) -> &'static [&'static str] {
        let all = &["name", "type", "doc", "aliases", "default", "order"];
        let without_order = &all[..5];
        let Some(order) = json.get("order") else {
            return all;
        };
        match order.text() {
            Some("ascending") => all,
            Some("descending" | "ignore") => without_order,
            _ => {
                self.expected(order, "order", "\"ascending\", \"descending\" or \"ignore\"");
                all
            }
        }
    }

    /// An alias must belong to one field only.
    fn field_aliases(&mut self, fields: &[Field]) {
        let mut owners: HashMap<&str, &str> = fields
            .iter()
            .map(|f| (f.name.as_str(), f.name.as_str()))
            .collect();
        for field in fields {
            for alias in &field.aliases {
                let owner = owners.entry(alias).or_insert(&field.name);
                if *owner != field.name {
                    let (field_name, other) = (field.name.clone(), (*owner).to_owned());
                    let kind = SchemaErrorKind::DuplicateAlias {
                        field: field_name,
                        alias: alias.clone(),
                        other,
                    };
                    self.errors.push(field.at, kind);
                }
            }
        }
    }

    fn symbols(&mut self, list: &Json, name: &Name) -> Vec<Symbol> {
        let Some(items) = list.items() else {
            self.expected(list, "symbols", "an array of strings");
            return Vec::new();
        };
        let mut symbols: Vec<Symbol> = Vec::with_capacity(items.len());
        let mut seen: HashMap<&str, Location> = HashMap::new();
        for item in items {
            let Some(symbol) = item.text() else {
                self.expected(item, "symbols", "an array of strings");
                continue;
            };
            if !names::is_name(symbol) {
                let kind = SchemaErrorKind::InvalidName {
                    what: "a symbol",
                    name: symbol.to_owned(),
                };
                self.errors.push(item.at, kind);
            }
            if let Some(first) = seen.get(symbol) {
                let (name, symbol, first) = (name.to_string(), symbol.to_owned(), self.errors.place(*first));
                self.errors
                    .push(item.at, SchemaErrorKind::DuplicateSymbol { name, symbol, first });
                continue;
            }
            seen.insert(symbol, item.at);
            symbols.push(Symbol {
                name: symbol.to_owned(),
                at: item.at,
            });
        }
        symbols
    }

    fn enum_default(&mut self, json: &Json, name: &Name, symbols: &[Symbol]) -> Option<String> {
        let default = self.string(json, "default")?;
        if symbols.iter().any(|symbol| symbol.name == default) {
            return Some(default.to_owned());
        }
        self.errors.push(
            json.at,
            SchemaErrorKind::EnumDefault {
                name: name.to_string(),
                default: default.to_owned(),
                suggestion: closest(default, symbols.iter().map(|symbol| symbol.name.as_str()))
                    .map(str::to_owned),
            },
        );
        None
    }

    fn size(&mut self, json: &Json) -> usize {
        let size = match &json.value {
            Value::Number(number) => number.as_u64().and_then(|size| i32::try_from(size).ok()),
            _ => None,
        };
        if size.is_none() {
            self.errors.push(
                json.at,
                SchemaErrorKind::Attribute {
                    attribute: "size",
                    expected: "an integer from 0 to 2147483647",
                    found: json.plain().to_string(),
                },
            );
        }
        size.and_then(|size| usize::try_from(size).ok())
            .unwrap_or_default()
    }

    fn doc(&mut self, json: &Json) -> Option<String> {
        json.get("doc")
            .and_then(|doc| self.string(doc, "doc"))
            .map(str::to_owned)
    }

    fn aliases(&mut self, json: &Json) -> Vec<String> {
        let Some(list) = json.get("aliases") else {
            return Vec::new();
        };
        let Some(items) = list.items() else {
            self.expected(list, "aliases", "an array of strings");
            return Vec::new();
        };
        let mut aliases = Vec::with_capacity(items.len());
        for item in items {
            let Some(alias) = item.text() else {
                self.expected(item, "aliases", "an array of strings");
                continue;
            };
            aliases.push(alias.to_owned());
        }
        aliases
    }

    /// The text of an attribute that must be a string.
    fn string<'j>(&mut self, json: &'j Json, attribute: &'static str) -> Option<&'j str> {
        let text = json.text();
        if text.is_none() {
            self.expected(json, attribute, "a string");
        }
        text
    }

    fn expected(&mut self, json: &Json, attribute: &'static str, expected: &'static str) {
        let found = json.what().to_owned();
        self.errors.push(
            json.at,
            SchemaErrorKind::Attribute {
                attribute,
                expected,
                found,
            },
        );
    }
}
