//! Generated types read their own schema's bytes.

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::json::decode_json;
use kaufmann_avro::{DecodeErrorKind, Encode, Schema, decode};

use super::types::*;

/// The first byte chooses the type, the others are the datum.
pub fn direct(input: &[u8]) {
    let Some((&number, bytes)) = input.split_first() else {
        return;
    };
    with_type!(number, check(bytes));
}

fn check<E, P>(bytes: &[u8])
where
    E: Event + Debug,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let schema = Schema::parse(E::INFO.schema).expect("a generated type has a schema");
    let by_schema = |bytes| decode_json(&schema.model, &schema.root, bytes);
    let borrowed = P::decode(Body::new(bytes));
    let owned = match decode::<E>(bytes) {
        Ok(owned) => owned,
        Err(error) => {
            assert!(error.offset() <= bytes.len(), "{error}");
            assert_eq!(
                borrowed.err(),
                Some(error.clone()),
                "the borrowed form takes what the owned one refuses"
            );
            assert!(
                may_differ(error.kind()) || by_schema(bytes).is_err(),
                "{error}, but the schema allows it"
            );
            return;
        }
    };
    let borrowed = borrowed.expect("what is an owned value is a borrowed one");
    assert_eq!(encoded(&borrowed.into()), encoded(&owned));

    // The input may have been written otherwise (blocks, keys that are there twice): but only once.
    let written = encoded(&owned);
    let again = decode::<E>(&written).expect("what is written is read");
    assert_eq!(encoded(&again), written);
    match by_schema(bytes) {
        Ok(value) => assert_eq!(Ok(value), by_schema(&written)),
        Err(error) => assert!(may_differ(error.kind()), "{error}"),
    }
}

/// Where generated and schema-driven code may differ: what a logical type refuses is still a datum of the schema, and they
/// count empty values at other places.
pub(crate) fn may_differ(kind: DecodeErrorKind) -> bool {
    use DecodeErrorKind::{Decimal, EmptyItems, Uuid};
    matches!(kind, Uuid | Decimal | EmptyItems)
}

pub(crate) fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}
