//! From JSON to Avro.

use std::cell::{Cell, OnceCell};

use serde_json::{Map, Value};

use super::{JsonError, JsonErrorKind, MAX_STEPS, text};
use crate::codec::Encode;
use crate::cursor::{MAX_DEPTH, MAX_LEVELS};
use crate::encode;
use crate::logical::{BigDecimal, Duration, OnFixed, Unscaled, Uuid, number_from_text, parse_scaled};
use crate::model::{Definition, Field, Kind, Logical, Model, NamedType, Node, TypeId};
use crate::suggest::closest;

/// How a value is written in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Readable, with logical types as text.
    Readable,
    /// The specification's form of defaults.
    Default,
}

type Encoded = Result<(), JsonError>;

pub(super) fn encode(model: &Model, form: Form, node: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
    Encoder {
        model,
        form,
        level: 0,
        depth: 0,
        recursive: &OnceCell::new(),
        steps: &Cell::new(MAX_STEPS),
    }
    .attempt(node, value, out)
}

/// The encoder at one level; each level has its own copy.
#[derive(Clone, Copy)]
struct Encoder<'m> {
    model: &'m Model,
    form: Form,
    level: usize,
    depth: u32,
    /// Which types are recursive: computed at the first record, because most defaults have none.
    recursive: &'m OnceCell<Vec<bool>>,
    /// How many steps are left.
    steps: &'m Cell<usize>,
}

impl<'m> Encoder<'m> {
    /// Encodes, and restores the buffer if that fails.
    fn attempt(self, node: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
        let before = out.len();
        self.value(node, value, out).inspect_err(|_| out.truncate(before))
    }

    fn value(mut self, node: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
        self.level += 1;
        if self.level > MAX_LEVELS {
            return Err(JsonError::new(JsonErrorKind::Levels));
        }
        self.spend(value)?;
        if let (Some(logical), Form::Readable) = (node.logical, self.form) {
            return self.logical(logical, node, value, out);
        }
        self.raw(node, value, out)?;
        match (node.logical, value) {
            (Some(Logical::Uuid), Value::String(text)) if Uuid::try_parse(text).is_err() => {
                Err(unexpected("a UUID", value))
            }
            _ => Ok(()),
        }
    }

    /// A text also costs steps by its length, so that the steps bound the output.
    fn spend(self, value: &Value) -> Encoded {
        let cost = 1 + value.as_str().map_or(0, |text| text.len() / 64);
        let left = self.steps.get().checked_sub(cost);
        self.steps.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| JsonError::new(JsonErrorKind::Steps))
    }

    fn raw(self, node: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
        match (&node.kind, value) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Bool(value)) => encode::boolean(out, *value),
            (Kind::Int, Value::Number(_)) => encode::int(out, integer(value, "an int (32 bits)")?),
            (Kind::Long, Value::Number(_)) => encode::long(out, integer(value, "a long (64 bits)")?),
            (Kind::Float, Value::Number(_) | Value::String(_)) => encode::float(out, float(value)?),
            (Kind::Double, Value::Number(_) | Value::String(_)) => encode::double(out, double(value)?),
            (Kind::Bytes, Value::String(text)) => encode::bytes(out, &code_points(text, value)?),
            (Kind::String, Value::String(text)) => encode::string(out, text),
            (Kind::Array(inner), Value::Array(items)) => return self.array(inner, items, out),
            (Kind::Map(inner), Value::Object(entries)) => return self.map(inner, entries, out),
            (Kind::Union(branches), _) => return self.union(branches, value, out),
            (Kind::Named(id), _) => return self.named(*id, value, out),
            (kind, _) => return Err(unexpected(&article(&self.model.type_name(kind)), value)),
        }
        Ok(())
    }

    fn array(self, inner: &Node, items: &[Value], out: &mut Vec<u8>) -> Encoded {
        if !items.is_empty() {
            encode::block(out, items.len());
        }
        for (index, item) in items.iter().enumerate() {
            self.value(inner, item, out)
                .map_err(|error| error.in_item(index))?;
        }
        encode::block(out, 0);
        Ok(())
    }

    fn map(self, inner: &Node, entries: &Map<String, Value>, out: &mut Vec<u8>) -> Encoded {
        if !entries.is_empty() {
            encode::block(out, entries.len());
        }
        for (key, value) in entries {
            encode::string(out, key);
            self.value(inner, value, out)
                .map_err(|error| error.in_entry(key))?;
        }
        encode::block(out, 0);
        Ok(())
    }

    fn union(self, branches: &[Node], value: &Value, out: &mut Vec<u8>) -> Encoded {
        let mut nearest: Option<JsonError> = None;
        for (index, branch) in branches.iter().enumerate() {
            let Err(error) = self.branch(index, branch, value, out) else {
                return Ok(());
            };
            if matches!(error.kind(), JsonErrorKind::Steps) {
                return Err(error);
            }
            // An error within the value is more useful than that the value is of another type.
            if nearest
                .as_ref()
                .is_none_or(|nearest| is_more_specific(&error, nearest))
            {
                nearest = Some(error);
            }
        }
        if let (Form::Readable, Some((index, inner))) = (self.form, self.tagged(branches, value)) {
            return self.branch(index, &branches[index], inner, out);
        }
        match nearest {
            Some(nearest)
                if !matches!(nearest.kind(), JsonErrorKind::Expected { .. }) || nearest.steps() > 0 =>
            {
                Err(nearest)
            }
            Some(only)
                if branches
                    .iter()
                    .filter(|branch| !matches!(branch.kind, Kind::Null))
                    .count()
                    == 1 =>
            {
                Err(only)
            }
            _ => Err(unexpected(&format!("one of {}", self.names(branches)), value)),
        }
    }

    fn branch(self, index: usize, branch: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
        let before = out.len();
        encode::index(out, index);
        self.value(branch, value, out)
            .inspect_err(|_| out.truncate(before))
    }

    /// The branch named by an object of one key, and its value.
    fn tagged<'v>(self, branches: &[Node], value: &'v Value) -> Option<(usize, &'v Value)> {
        let entries = value.as_object().filter(|entries| entries.len() == 1)?;
        let (tag, inner) = entries.iter().next()?;
        let named = |branch: &Node| match branch.kind {
            Kind::Named(id) if !tag.contains('.') => self.model.get(id).name.simple == *tag,
            _ => self.model.type_name(&branch.kind) == *tag,
        };
        branches.iter().position(named).map(|index| (index, inner))
    }

    fn names(self, branches: &[Node]) -> String {
        let names = branches
            .iter()
            .map(|branch| format!("`{}`", self.model.type_name(&branch.kind)));
        names.collect::<Vec<_>>().join(", ")
    }

    fn named(self, id: TypeId, value: &Value, out: &mut Vec<u8>) -> Encoded {
        let named = self.model.get(id);
        match (&named.definition, value) {
            (Definition::Record(fields), Value::Object(entries)) => {
                self.within(id)?.record(named, fields, entries, out)
            }
            (Definition::Enum { symbols, .. }, Value::String(text)) => {
                let index = symbols.iter().position(|symbol| symbol.name == *text);
                let index = index.ok_or_else(|| {
                    let candidates = symbols.iter().map(|symbol| symbol.name.as_str());
                    JsonError::new(JsonErrorKind::UnknownSymbol {
                        name: named.name.to_string(),
                        symbol: text.clone(),
                        suggestion: closest(text, candidates).map(str::to_owned),
                    })
                })?;
                encode::index(out, index);
                Ok(())
            }
            (Definition::Fixed { size }, Value::String(_) | Value::Number(_)) => {
                self.fixed(named, *size, value, out)
            }
            (Definition::Record(_), _) => Err(unexpected(
                &format!("an object (the record `{}`)", named.name),
                value,
            )),
            (Definition::Enum { .. }, _) => Err(unexpected(&format!("a symbol of `{}`", named.name), value)),
            (Definition::Fixed { .. }, _) => Err(unexpected(
                &format!("a string (the fixed `{}`)", named.name),
                value,
            )),
        }
    }

    /// Enters a record's value.
    fn within(mut self, id: TypeId) -> Result<Self, JsonError> {
        if self.recursive.get_or_init(|| self.model.recursive())[id.0] {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(JsonError::new(JsonErrorKind::Depth));
            }
        }
        Ok(self)
    }

    /// Checks the keys before the values, so that a union rules out other records early.
    fn record(
        self,
        named: &NamedType,
        fields: &[Field],
        entries: &Map<String, Value>,
        out: &mut Vec<u8>,
    ) -> Encoded {
        let record = || named.name.to_string();
        if let Some(field) = entries
            .keys()
            .find(|key| !fields.iter().any(|field| field.name == **key))
        {
            let candidates = fields.iter().map(|field| field.name.as_str());
            let suggestion = closest(field, candidates).map(str::to_owned);
            let kind = JsonErrorKind::UnknownField {
                record: record(),
                field: field.clone(),
                suggestion,
            };
            return Err(JsonError::new(kind));
        }
        if let Some(field) = fields
            .iter()
            .find(|f| f.default.is_none() && !entries.contains_key(&f.name))
        {
            let kind = JsonErrorKind::MissingField {
                record: record(),
                field: field.name.clone(),
            };
            return Err(JsonError::new(kind));
        }
        for field in fields {
            let encoded = match (entries.get(&field.name), &field.default) {
                (Some(value), _) => self.value(&field.node, value, out),
                (None, Some(default)) => Self {
                    form: Form::Default,
                    ..self
                }
                .value(&field.node, default, out),
                (None, None) => Ok(()),
            };
            encoded.map_err(|error| error.in_field(&field.name))?;
        }
        Ok(())
    }

    fn fixed(self, named: &NamedType, size: usize, value: &Value, out: &mut Vec<u8>) -> Encoded {
        let text = value.as_str();
        match named.logical.filter(|_| self.form == Form::Readable) {
            Some(Logical::Uuid) => {
                if let Some(uuid) = text.and_then(|text| Uuid::try_parse(text).ok()) {
                    uuid.encode_fixed(out);
                    return Ok(());
                }
            }
            Some(Logical::Duration) => {
                if let Some(duration) = text.and_then(|text| text.parse::<Duration>().ok()) {
                    duration.encode_fixed(out);
                    return Ok(());
                }
            }
            Some(Logical::Decimal { precision, scale }) => {
                let unscaled = decimal(value, precision, scale)?;
                let mut bytes = vec![0; size];
                let fits = unscaled.fill_be_bytes(&mut bytes);
                fits.ok_or_else(|| unexpected("a decimal that fits the fixed", value))?;
                encode::fixed(out, &bytes);
                return Ok(());
            }
            _ => {}
        }
        let expected = || {
            format!(
                "a string of {size} code points from 0 to 255 (the fixed `{}`)",
                named.name
            )
        };
        let text = text.ok_or_else(|| unexpected(&expected(), value))?;
        let bytes = code_points(text, value)?;
        if bytes.len() != size {
            return Err(unexpected(&expected(), value));
        }
        encode::fixed(out, &bytes);
        Ok(())
    }

    /// A logical type of a primitive, in its readable form or as its raw number.
    fn logical(self, logical: Logical, node: &Node, value: &Value, out: &mut Vec<u8>) -> Encoded {
        match (logical, value) {
            (Logical::Decimal { precision, scale }, Value::String(_) | Value::Number(_)) => {
                decimal(value, precision, scale)?.with_be_bytes(|bytes| encode::bytes(out, bytes));
            }
            (Logical::BigDecimal, Value::String(_) | Value::Number(_)) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let number: BigDecimal = text
                    .parse()
                    .map_err(|_| unexpected("a decimal like 12.34", value))?;
                number.encode(out);
            }
            (Logical::Uuid, Value::String(text)) => {
                Uuid::try_parse(text).map_err(|_| unexpected("a UUID", value))?;
                encode::string(out, text);
            }
            (_, Value::String(text)) => match number_from_text(logical, text) {
                Some(Ok(number)) => return self.raw(node, &number.into(), out),
                Some(Err(error)) => return Err(unexpected(error.expected, value)),
                None => return self.raw(node, value, out),
            },
            _ => return self.raw(node, value, out),
        }
        Ok(())
    }
}

/// Whether an error is more specific: one within a value beats one about the whole value, one about the content beats one
/// about the type.
fn is_more_specific(error: &JsonError, than: &JsonError) -> bool {
    let rank = |error: &JsonError| {
        (
            error.steps(),
            !matches!(error.kind(), JsonErrorKind::Expected { .. }),
        )
    };
    rank(error) >= rank(than)
}

fn integer<T: TryFrom<i64>>(value: &Value, expected: &str) -> Result<T, JsonError> {
    value
        .as_i64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| unexpected(expected, value))
}

fn double(value: &Value) -> Result<f64, JsonError> {
    let double = match value {
        Value::String(word) => text::to_double(word),
        _ => value.as_f64(),
    };
    double.ok_or_else(|| unexpected("a number", value))
}

fn float(value: &Value) -> Result<f32, JsonError> {
    text::narrow(double(value)?).ok_or_else(|| unexpected("a float (32 bits)", value))
}

fn code_points(points: &str, value: &Value) -> Result<Vec<u8>, JsonError> {
    text::to_bytes(points).ok_or_else(|| unexpected("a string of code points from 0 to 255", value))
}

fn decimal(value: &Value, precision: usize, scale: usize) -> Result<Unscaled, JsonError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let expected = || format!("a decimal of at most {precision} digits, {scale} of them after the point");
    parse_scaled(&text, precision, scale).ok_or_else(|| unexpected(&expected(), value))
}

fn unexpected(expected: &str, value: &Value) -> JsonError {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the string {text:?}"),
        Value::String(_) => "a long string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    JsonError::new(JsonErrorKind::Expected {
        expected: expected.to_owned(),
        found,
    })
}

/// A primitive's or container's name in a sentence.
fn article(name: &str) -> String {
    match name {
        "null" => "null".to_owned(),
        "bytes" => "a string (bytes)".to_owned(),
        "map" => "an object (a map)".to_owned(),
        "array" => "an array".to_owned(),
        "int" => "an int".to_owned(),
        name => format!("a {name}"),
    }
}
