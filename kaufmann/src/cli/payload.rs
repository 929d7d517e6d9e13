//! A payload from JSON, checked against its event's schema.

use kaufmann_avro::json::{decode_json, encode_json};
use kaufmann_avro::model::{Definition, Kind, Model, Node};
use kaufmann_avro::{Cursor, Schema};
use serde_json::Value;
use serde_json::error::Category;

use crate::base::error::{Error, ErrorKind};
use crate::handler::event::EventInfo;

pub(crate) mod unique;

#[cfg(any(feature = "dev", test))]
use unique::Unique;

/// A payload in Avro's binary encoding.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) datum: Vec<u8>,
    /// The value of the field that the schema's attribute `key` names.
    pub(crate) key: Option<Vec<u8>>,
}

impl Payload {
    /// Encodes JSON by the event's schema.
    #[cfg(any(feature = "dev", test))]
    pub(crate) fn parse(info: &EventInfo, text: &str) -> Result<Self, Error> {
        let Unique(value) = serde_json::from_str(text).map_err(|error| not_json(info, error))?;
        Encoder::new(info)?.encode(value)
    }
}

/// The error for a payload that cannot be read or is not valid JSON.
pub(crate) fn not_json(info: &EventInfo, error: serde_json::Error) -> Error {
    let what = match error.classify() {
        Category::Io => "cannot be read",
        Category::Data => "cannot be published",
        Category::Syntax | Category::Eof => "is not JSON",
    };
    Error::new(ErrorKind::Usage, format!("the payload of `{}` {what}", info.name)).caused_by(error)
}

/// Encodes payloads of one event.
pub(crate) struct Encoder<'a> {
    info: &'a EventInfo,
    schema: Schema,
}

impl<'a> Encoder<'a> {
    /// An encoder by the event's schema.
    pub(crate) fn new(info: &'a EventInfo) -> Result<Self, Error> {
        let schema = Schema::parse(info.schema).map_err(|errors| {
            let text = errors.first().map(ToString::to_string).unwrap_or_default();
            Error::new(
                ErrorKind::Internal,
                format!("the schema of `{}` cannot be read: {text}", info.name),
            )
        })?;
        Ok(Self { info, schema })
    }

    /// Encodes a payload.
    pub(crate) fn encode(&self, value: Value) -> Result<Payload, Error> {
        let (info, schema) = (self.info, &self.schema);
        let mut datum = Vec::new();
        encode_json(&schema.model, &schema.root, &value, &mut datum).map_err(|error| {
            let text = format!(
                "the payload of `{}` does not fit its schema ({})",
                info.name, info.defined_at
            );
            Error::new(ErrorKind::Usage, text).caused_by(error)
        })?;
        // Decoded again, the value includes defaults, and one of them may be the key.
        let complete = decode_json(&schema.model, &schema.root, &datum).unwrap_or(value);
        let key = info
            .key
            .and_then(|path| key(&schema.model, &schema.root, &complete, path));
        Ok(Payload { datum, key })
    }
}

/// The key's bytes, as generated code writes them: texts and bytes unchanged, numbers as decimal text.
fn key(model: &Model, node: &Node, value: &Value, path: &str) -> Option<Vec<u8>> {
    let (mut node, mut value) = (single(node), value);
    for name in path.split('.') {
        let Kind::Named(id) = node.kind else { return None };
        let Definition::Record(fields) = &model.get(id).definition else {
            return None;
        };
        node = single(&fields.iter().find(|field| field.name == name)?.node);
        value = value.get(name)?;
    }
    let mut datum = Vec::new();
    encode_json(model, node, value, &mut datum).ok()?;
    let mut cursor = Cursor::new(&datum);
    match &node.kind {
        Kind::String => cursor.string().ok().map(|text| text.as_bytes().to_vec()),
        Kind::Bytes => cursor.bytes().ok().map(<[u8]>::to_vec),
        Kind::Int | Kind::Long => cursor.long().ok().map(|number| number.to_string().into_bytes()),
        Kind::Named(id) => match model.get(*id) {
            named if named.logical.is_none() && matches!(named.definition, Definition::Fixed { .. }) => {
                Some(datum)
            }
            // The symbol of an enum, the text of a uuid.
            _ => value.as_str().map(|text| text.as_bytes().to_vec()),
        },
        _ => None,
    }
}

/// The branch of a union that has only one; else the node itself.
fn single(node: &Node) -> &Node {
    match &node.kind {
        Kind::Union(branches) => match branches.as_slice() {
            [only] => single(only),
            _ => node,
        },
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: EventInfo = EventInfo {
        name: "user.create",
        full_name: "user.create",
        aliases: &[],
        schema: r#"{"type": "record", "name": "user.create", "fields": [
            {"name": "email", "type": "string"},
            {"name": "number", "type": "int", "default": 7},
            {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [
                {"name": "raw", "type": "bytes", "default": "\u00ff"},
                {"name": "day", "type": {"type": "int", "logicalType": "date"}, "default": 1}
            ]}, "default": {}}
        ]}"#,
        fingerprint: 0,
        topic: None,
        key: Some("email"),
        defined_at: "schemas/user/create.avsc:1:1",
        samples: &[],
        lock: None,
        callback: None,
    };

    fn key_at(path: &'static str) -> Option<Vec<u8>> {
        Payload::parse(
            &EventInfo {
                key: Some(path),
                ..INFO
            },
            r#"{"email": "ä@b"}"#,
        )
        .unwrap()
        .key
    }

    #[test]
    fn the_key_has_the_bytes_that_generated_code_makes() {
        assert_eq!(key_at("email").unwrap(), "ä@b".as_bytes());
        assert_eq!(key_at("number").unwrap(), b"7");
        assert_eq!(key_at("inner.raw").unwrap(), [0xff]);
        assert_eq!(key_at("inner.day").unwrap(), b"1");
        assert_eq!(key_at("nothing"), None);
    }

    #[test]
    fn a_payload_that_does_not_fit_names_event_schema_and_field() {
        let error = Payload::parse(&INFO, r#"{"email": 5}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the payload of `user.create` does not fit its schema (schemas/user/create.avsc:1:1)",
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("email"), "{cause}");
    }

    #[test]
    fn the_error_of_a_duplicate_key_has_its_line() {
        let error = Payload::parse(&INFO, "{\"email\": \"a\",\n \"email\": \"b\"}").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            cause.contains("duplicate key `email`") && cause.contains("line 2"),
            "{error}: {cause}"
        );
    }

    #[test]
    fn the_error_of_invalid_json_has_its_line() {
        let error = Payload::parse(&INFO, "{").unwrap_err();
        assert_eq!(error.to_string(), "the payload of `user.create` is not JSON");
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("line 1")
        );
    }
}
