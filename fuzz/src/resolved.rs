//! What another schema wrote is read.

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::json::{decode_json, resolve_json};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{DecodeErrorKind, Encode, Schema, parse_str};

use super::direct::{encoded, may_differ};
use super::types::*;

/// The writer's schema, a zero, the reader's, a zero, and the datum. The reader's is one byte, the number of a generated
/// type, or a schema's text.
pub fn resolved(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let (Some(writer), Some(reader), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let Some(writer) = text(writer).and_then(|text| Schema::parse(text).ok()) else {
        return;
    };
    match reader {
        [number] => with_type!(number - 1, generated(&writer, bytes)),
        _ => {
            let Some(model) = text(reader).and_then(|text| parse_str(text).ok()) else {
                return;
            };
            let root = model.files[0].root.clone();
            by_schema(&writer, &Schema { model, root }, bytes);
        }
    }
}

fn generated<E, P>(writer: &Schema, bytes: &[u8])
where
    E: Event + Debug,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let reader = Schema::parse(E::INFO.schema).expect("a generated type has a schema");
    let Ok(plan) = Plan::new(writer, &reader) else {
        return;
    };
    let value = resolve_json(&plan, &reader, bytes);
    let borrowed = P::decode(Body::resolved(bytes, &plan));
    match resolve::decode::<E>(bytes, &plan) {
        Ok(owned) => {
            let written = encoded(&owned);
            let borrowed = borrowed.expect("what is an owned value is a borrowed one");
            assert_eq!(encoded(&borrowed.into()), written);
            match value {
                Ok(value) => assert_eq!(decode_json(&reader.model, &reader.root, &written), Ok(value)),
                Err(error) => assert!(may_differ(error.kind()), "{error}"),
            }
        }
        Err(error) => {
            assert!(error.offset() <= bytes.len(), "{error}");
            assert_eq!(
                borrowed.err(),
                Some(error.clone()),
                "the borrowed form takes what the owned one refuses"
            );
            assert!(
                may_differ(error.kind()) || value.is_err(),
                "{error}, but the schema allows it"
            );
            assert_ne!(error.kind(), DecodeErrorKind::ForeignPlan);
        }
    }
}

fn by_schema(writer: &Schema, reader: &Schema, bytes: &[u8]) {
    let Ok(plan) = Plan::new(writer, reader) else {
        return;
    };
    let Err(error) = resolve_json(&plan, reader, bytes) else {
        return;
    };
    assert!(error.offset() <= bytes.len(), "{error}");
    assert_ne!(error.kind(), DecodeErrorKind::ForeignPlan);
    let unresolved = matches!(error.kind(), DecodeErrorKind::Unresolved(_));
    assert_eq!(plan.explain(&error).is_some(), unresolved);

    // Where the writer's own reader finds a value, it is one that this reader does not have. Which records are recursive, and how
    // deep, may differ between two schemas.
    use DecodeErrorKind::{BigDecimal, Depth, Levels, Unit, Utf8};
    let absent = unresolved || matches!(error.kind(), Unit(_) | Utf8 | BigDecimal | Depth | Levels);
    assert!(
        absent || may_differ(error.kind()) || decode_json(&writer.model, &writer.root, bytes).is_err(),
        "{error}"
    );
}
