//! JSON with the position of each value.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::Number;

use super::error::{Errors, SchemaErrorKind};
use crate::model::Location;

/// A value and where it begins.
#[derive(Debug)]
pub(super) struct Json {
    pub(super) at: Location,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<Member>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) value: Json,
}

impl Json {
    /// The value of a key, if this is an object.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.members()
            .iter()
            .find(|member| member.key == key)
            .map(|member| &member.value)
    }

    /// The text, if this is a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub(super) fn items(&self) -> Option<&[Json]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values; none if this is not an object.
    pub(super) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// What this is, for a message.
    pub(super) fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The same without positions.
    pub(super) fn plain(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => text.as_str().into(),
            Value::Array(items) => items.iter().map(Json::plain).collect(),
            Value::Object(members) => members.iter().map(|m| (m.key.clone(), m.value.plain())).collect(),
        }
    }
}

/// Reads a file; reports why if it cannot.
pub(super) fn read(file: usize, text: &str, errors: &mut Errors<'_>) -> Option<Json> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        places: Places::new(file, text),
        errors,
    };
    match jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(parsed) => match parsed.value {
            Some(value) => reader.value(&value),
            None => {
                let at = Location {
                    file,
                    line: 1,
                    column: 1,
                };
                reader.errors.push(
                    at,
                    SchemaErrorKind::Json("the file is empty, expected a schema".to_owned()),
                );
                None
            }
        },
        Err(error) => {
            let start = error.range().start;
            let at = reader.places.find(start);
            let rest = text.get(start..).unwrap_or_default();
            let is_mark = |mark: &&str| rest.starts_with(*mark);
            let reason = match ["<<<<<<<", "=======", ">>>>>>>"].iter().any(is_mark) {
                true => CONFLICT.to_owned(),
                false => fragment(&error.kind().to_string()),
            };
            reader.errors.push(at, SchemaErrorKind::Json(reason));
            None
        }
    }
}

/// The reason if a line is a conflict marker of git.
const CONFLICT: &str =
    "not valid JSON: git could not merge the file and left its markers; resolve the conflict";

/// JSON and comments, nothing else.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// A message of the JSON parser in our style: lowercase, without a full stop.
fn fragment(message: &str) -> String {
    let mut chars = message.trim_end_matches('.').chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    format!(
        "not valid JSON: {}",
        first.into_iter().chain(chars).collect::<String>()
    )
}

struct Reader<'t, 'e> {
    places: Places<'t>,
    errors: &'t mut Errors<'e>,
}

impl Reader<'_, '_> {
    /// `None` if a value within cannot be read. The parser bounds the depth to 512.
    fn value(&mut self, value: &ast::Value<'_>) -> Option<Json> {
        let at = self.places.find(value.start());
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
            ast::Value::StringLit(literal) => Value::String(literal.value.to_string()),
            ast::Value::NumberLit(literal) => Value::Number(self.number(at, literal.value)?),
            ast::Value::Array(array) => Value::Array(
                array
                    .elements
                    .iter()
                    .map(|item| self.value(item))
                    .collect::<Option<_>>()?,
            ),
            ast::Value::Object(object) => Value::Object(self.members(object)?),
        };
        Some(Json { at, value })
    }

    fn number(&mut self, at: Location, text: &str) -> Option<Number> {
        let number = serde_json::from_str(text).ok();
        if number.is_none() {
            self.errors.push(
                at,
                SchemaErrorKind::Json(format!("not valid JSON: `{text}` is not a number")),
            );
        }
        number
    }

    fn members(&mut self, object: &ast::Object<'_>) -> Option<Vec<Member>> {
        let mut members = Vec::with_capacity(object.properties.len());
        let mut seen = std::collections::HashMap::new();
        for property in &object.properties {
            let key_at = self.places.find(property.name.start());
            let key = property.name.as_str().to_owned();
            let value = self.value(&property.value)?;
            if let Some(first) = seen.get(&key) {
                let first = self.errors.place(*first);
                self.errors
                    .push(key_at, SchemaErrorKind::DuplicateKey { key, first });
                continue;
            }
            seen.insert(key.clone(), key_at);
            members.push(Member { key, value });
        }
        Some(members)
    }
}

/// Turns ascending offsets into positions, in one pass over the text.
struct Places<'t> {
    text: &'t str,
    offset: usize,
    at: Location,
}

impl<'t> Places<'t> {
    fn new(file: usize, text: &'t str) -> Self {
        Self {
            text,
            offset: 0,
            at: Location {
                file,
                line: 1,
                column: 1,
            },
        }
    }

    fn find(&mut self, offset: usize) -> Location {
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        for c in passed.chars() {
            if c == '\n' {
                self.at.line += 1;
                self.at.column = 1;
            } else {
                self.at.column += 1;
            }
        }
        self.offset = self.offset.max(offset);
        self.at
    }
}
