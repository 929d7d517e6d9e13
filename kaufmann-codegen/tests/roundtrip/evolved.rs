//! What other writers wrote: made from each fixture's own schema by changes that its readers can follow, and read by the
//! generated code and by the schema-driven codec.

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::json::{decode_json, encode_json, resolve_json};
use kaufmann_avro::model::{Attributes, Definition, Field, Kind, Location, Node};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{Encode, Schema};
use serde_json::json;

use super::encoded;

/// How a writer's schema differs from the reader's.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Change {
    /// Fields, symbols and options are in the opposite order, and each record has a field more.
    Turned,
    /// Fields with a default are missing.
    Younger,
    /// Longs are ints, doubles are floats, strings are bytes.
    Narrower,
    /// Whatever is no union is one of itself.
    Wrapped,
}

/// Reads a sample as other writers write it; returns how many could write it.
pub(crate) fn check<E, P>(reader: &Schema, sample: &[u8]) -> usize
where
    E: Event + Clone + Debug,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let changes = [Change::Turned, Change::Younger, Change::Narrower, Change::Wrapped];
    let written = changes.iter().filter_map(|change| {
        let writer = changed(reader, *change);
        Some((
            change,
            write(reader, &writer, sample)?,
            Plan::new(&writer, reader).unwrap(),
        ))
    });
    let mut count = 0;
    for (change, bytes, plan) in written {
        count += 1;
        let name = format!("{} {change:?} {bytes:02x?}", E::INFO.name);
        let expected = resolve_json(&plan, reader, &bytes).unwrap();
        let owned = resolve::decode::<E>(&bytes, &plan).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            decode_json(&reader.model, &reader.root, &encoded(&owned)),
            Ok(expected),
            "{name}"
        );
        let borrowed = P::decode(Body::resolved(&bytes, &plan)).unwrap();
        assert_eq!(encoded(&borrowed), encoded(&owned), "{name}");
        assert_eq!(format!("{:?}", borrowed.into()), format!("{owned:?}"), "{name}");
        damage::<E, P>(reader, &plan, &bytes);
    }
    count
}

/// Less than all bytes are an error, and a changed byte is the same to all who read.
fn damage<E: Event, P: Payload<Event = E>>(reader: &Schema, plan: &Plan, bytes: &[u8]) {
    for end in 0..bytes.len() {
        assert!(P::decode(Body::resolved(&bytes[..end], plan)).is_err());
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1 << bit;
            let borrowed = P::decode(Body::resolved(&damaged, plan)).map(drop);
            assert_eq!(resolve::decode::<E>(&damaged, plan).map(drop), borrowed);
            // The schema-driven codec takes what only the logical types refuse.
            if borrowed.is_ok() {
                assert!(resolve_json(plan, reader, &damaged).is_ok());
            }
        }
    }
}

/// A sample in another writer's bytes, if the writer's schema can hold it.
fn write(reader: &Schema, writer: &Schema, sample: &[u8]) -> Option<Vec<u8>> {
    let back = Plan::new(reader, writer).ok();
    let value = match &back {
        Some(back) => resolve_json(back, writer, sample).ok()?,
        None => decode_json(&reader.model, &reader.root, sample).ok()?,
    };
    let mut bytes = Vec::new();
    encode_json(&writer.model, &writer.root, &value, &mut bytes).ok()?;
    Some(bytes)
}

fn changed(schema: &Schema, change: Change) -> Schema {
    let mut schema = schema.clone();
    for named in &mut schema.model.types {
        match &mut named.definition {
            Definition::Record(fields) => {
                if change == Change::Younger {
                    fields.retain(|field| field.default.is_none());
                }
                for field in &mut *fields {
                    node(&mut field.node, change);
                }
                if change == Change::Turned {
                    fields.reverse();
                    fields.insert(0, extra(named.at));
                }
            }
            Definition::Enum { symbols, .. } if change == Change::Turned => symbols.reverse(),
            Definition::Enum { .. } | Definition::Fixed { .. } => {}
        }
    }
    schema
}

fn node(of: &mut Node, change: Change) {
    match &mut of.kind {
        Kind::Array(inner) | Kind::Map(inner) => node(inner, change),
        Kind::Union(branches) => {
            // Otherwise two branches may become one.
            if change != Change::Narrower {
                for branch in &mut *branches {
                    if !matches!(change, Change::Wrapped)
                        || matches!(branch.kind, Kind::Array(_) | Kind::Map(_))
                    {
                        node(branch, change);
                    }
                }
            }
            if change == Change::Turned && branches.iter().any(|branch| matches!(branch.kind, Kind::Null)) {
                branches.reverse();
            }
            return;
        }
        Kind::Long if change == Change::Narrower && of.logical.is_none() => of.kind = Kind::Int,
        Kind::Double if change == Change::Narrower => of.kind = Kind::Float,
        Kind::String if change == Change::Narrower && of.logical.is_none() => of.kind = Kind::Bytes,
        _ => {}
    }
    if change == Change::Wrapped && !matches!(of.kind, Kind::Array(_) | Kind::Map(_)) {
        let inside = std::mem::replace(of, plain(Kind::Null, of.at));
        *of = plain(Kind::Union(vec![inside]), of.at);
    }
}

/// A field that no reader has.
fn extra(at: Location) -> Field {
    let items = plain(Kind::Array(Box::new(plain(Kind::String, at))), at);
    Field {
        name: "field_that_no_reader_has".to_owned(),
        aliases: Vec::new(),
        doc: None,
        default: Some(json!({"a": ["b", ""], "c": []})),
        node: plain(Kind::Map(Box::new(items)), at),
        attributes: Attributes::default(),
        at,
    }
}

fn plain(kind: Kind, at: Location) -> Node {
    Node {
        kind,
        logical: None,
        attributes: Attributes::default(),
        at,
    }
}
