//! The attribute `key`: the path from the event to the field that is its key.

use kaufmann_avro::model::{Definition, Logical, TypeId};
use kaufmann_avro::suggest::{Hint, closest};
use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::model::{Base, Shape, Types};

/// The key of an event.
#[derive(Debug)]
pub(crate) struct Key {
    /// The path as the schema has it.
    pub(crate) path: String,
    /// Every step: a record and the index of its field.
    pub(crate) fields: Vec<(TypeId, usize)>,
    /// The kind of the last field.
    pub(crate) kind: KeyKind,
}

/// The kind of a key's field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyKind {
    String,
    Bytes,
    Fixed,
    /// An enum, by its symbol.
    Symbol,
    /// An int, a long or a uuid, by its text.
    Displayed,
    /// A logical type on an int or a long, by the text of its number.
    Number,
}

/// The event's key, if it has a valid one.
pub(super) fn key(types: &Types, root: TypeId, errors: &mut Vec<Error>) -> Option<Key> {
    let attribute = types.model.get(root).attributes.get("key")?;
    let found = match &attribute.value {
        Value::String(path) if !path.is_empty() => resolve(types, root, path),
        other => Err(ErrorKind::Attribute {
            attribute: "key",
            found: format!("`{other}`"),
            expected: "the path of a field, such as `\"id\"` or `\"user.id\"`",
        }),
    };
    found
        .map_err(|kind| {
            // In a type with a mistake the error may only follow from that.
            let follows = !matches!(kind, ErrorKind::Attribute { .. }) && types.unsound.contains(&root);
            if !follows {
                errors.push(Error::at(&types.model, attribute.at, kind));
            }
        })
        .ok()
}

fn resolve(types: &Types, root: TypeId, path: &str) -> Result<Key, ErrorKind> {
    let mut fields = Vec::new();
    let mut shape = &Shape::Record(root);
    let mut last = "";
    for segment in path.split('.') {
        let Shape::Record(record) = shape else {
            return Err(wrong(path, last, shape));
        };
        let named = types.model.get(*record);
        let Definition::Record(known) = &named.definition else {
            return Err(wrong(path, last, shape));
        };
        let Some(index) = known.iter().position(|field| field.name == segment) else {
            let hint = Hint(closest(segment, known.iter().map(|field| &field.name)));
            let reason = format!("record `{}` has no field `{segment}`{hint}", named.name);
            return Err(ErrorKind::KeyField {
                path: path.to_owned(),
                reason,
            });
        };
        fields.push((*record, index));
        shape = single(&types.fields[record.0][index]);
        last = segment;
    }
    let kind = kind(shape).ok_or_else(|| wrong(path, last, shape))?;
    Ok(Key {
        path: path.to_owned(),
        fields,
        kind,
    })
}

/// A union of one branch is that branch.
pub(crate) fn single(shape: &Shape) -> &Shape {
    match shape {
        Shape::Single(only) => single(only),
        other => other,
    }
}

fn kind(shape: &Shape) -> Option<KeyKind> {
    Some(match shape {
        Shape::String => KeyKind::String,
        Shape::Bytes => KeyKind::Bytes,
        Shape::Int | Shape::Long | Shape::Logical(Logical::Uuid, _) => KeyKind::Displayed,
        Shape::Logical(_, Base::Int | Base::Long) => KeyKind::Number,
        Shape::Enum(_) => KeyKind::Symbol,
        Shape::Fixed(_) => KeyKind::Fixed,
        _ => return None,
    })
}

fn wrong(path: &str, field: &str, shape: &Shape) -> ErrorKind {
    let found = match shape {
        Shape::Null => "always null",
        Shape::Boolean => "a boolean",
        Shape::Float | Shape::Double => "a floating-point number",
        Shape::Array(_) => "an array",
        Shape::Map(_) => "a map",
        Shape::Record(_) => "a record",
        Shape::Optional { .. } => "optional",
        Shape::Union(_) => "a union",
        Shape::Logical(Logical::Decimal { .. } | Logical::BigDecimal, _) => "a decimal",
        Shape::Logical(Logical::Duration, _) => "a duration",
        _ => "not a record, so it has no fields",
    };
    ErrorKind::KeyType {
        path: path.to_owned(),
        field: field.to_owned(),
        found: found.to_owned(),
    }
}
