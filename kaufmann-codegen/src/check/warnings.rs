//! Warnings: a logical type that Avro ignores, a misspelt attribute of kaufmann.

use kaufmann_avro::model::{Attribute, Attributes, Definition, Field, Kind, Logical, Model, Node};
use kaufmann_avro::suggest::{Hint, closest};
use serde_json::Value;

use super::ATTRIBUTES;

/// All warnings, as `path:line:column: message`, in the order of their positions.
pub(crate) fn warnings(model: &Model) -> Vec<String> {
    let mut found = Vec::new();
    for file in &model.files {
        node(model, &file.root, &mut found);
    }
    for named in &model.types {
        logical(model, &named.attributes, &mut found);
        if let Definition::Record(fields) = &named.definition {
            named
                .attributes
                .0
                .iter()
                .for_each(|attribute| misspelt(model, attribute, &mut found));
            for field in fields {
                misplaced(model, field, &mut found);
                node(model, &field.node, &mut found);
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn node(model: &Model, node_: &Node, found: &mut Vec<String>) {
    logical(model, &node_.attributes, found);
    match &node_.kind {
        Kind::Array(items) | Kind::Map(items) => node(model, items, found),
        Kind::Union(branches) => branches.iter().for_each(|branch| node(model, branch, found)),
        _ => {}
    }
}

/// A logical type is kept among the attributes if Avro ignores it.
fn logical(model: &Model, attributes: &Attributes, found: &mut Vec<String>) {
    let Some(attribute) = attributes.get("logicalType") else {
        return;
    };
    let at = model.locate(attribute.at);
    found.push(match &attribute.value {
        Value::String(name) if Logical::ALL.map(Logical::name).contains(&name.as_str()) => {
            format!("{at}: the logical type `{name}` does not fit its type, so Avro ignores it")
        }
        Value::String(name) => {
            let hint = Hint(closest(name, Logical::ALL.map(Logical::name)));
            format!("{at}: the logical type `{name}` is unknown, so Avro ignores it{hint}")
        }
        other => format!("{at}: a logical type is a string, not `{other}`, so Avro ignores it"),
    });
}

/// A logical type beside the field's type instead of within.
fn misplaced(model: &Model, field: &Field, found: &mut Vec<String>) {
    if let Some(attribute) = field.attributes.get("logicalType") {
        let logical = attribute.value.as_str().unwrap_or("…");
        found.push(format!(
            "{}: the logical type `{logical}` is beside the type of the field `{}`, so Avro ignores it; put both into one \
             object: {{\"type\": {{\"type\": …, \"logicalType\": \"{logical}\"}}}}",
            model.locate(attribute.at),
            field.name,
        ));
    }
}

fn misspelt(model: &Model, Attribute { key, at, .. }: &Attribute, found: &mut Vec<String>) {
    if let Some(meant) = closest(key, ATTRIBUTES)
        && meant != key
    {
        let hint = Hint(Some(meant));
        found.push(format!(
            "{}: the attribute `{key}` is unknown to kaufmann{hint}",
            model.locate(*at)
        ));
    }
}
