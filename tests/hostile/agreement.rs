//! Limits and malformed blocks, in every way to read: generated types, owned and borrowed, by their own schema and by another
//! writer's; by the schema alone; and skipping. All give the same result for the same bytes.

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::cursor::MAX_DEPTH;
use kaufmann_avro::json::{decode_json, encode_json, resolve_json};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{DecodeError, DecodeErrorKind, Schema, decode, encode};
use serde_json::{Value, json};

use super::fuzz::types::recursion::recursion::*;

const LIMIT: usize = MAX_DEPTH as usize;

/// A recursive event, and its encoding.
trait Nested: Event + for<'a> resolve::DecodeResolved<'a> {
    /// A value with this many nested values of recursive types. Each value of the event itself begins with `skipped`.
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8>;
}

impl Nested for List {
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8> {
        let mut bytes = [skipped, &[2, b'a', 2]].concat().repeat(depth - 1);
        bytes.extend([skipped, &[2, b'a', 0]].concat());
        bytes
    }
}

/// Each is nested in the array or, alternately, in the map of the one above.
impl Nested for Tree {
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8> {
        match depth {
            1 => [skipped, &[0, 0]].concat(),
            _ if depth.is_multiple_of(2) => {
                [skipped, &[2], &Self::nested(depth - 1, skipped), &[0, 0]].concat()
            }
            _ => [skipped, &[0, 2, 2, b'k'], &Self::nested(depth - 1, skipped), &[0]].concat(),
        }
    }
}

impl Nested for Expression {
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8> {
        match depth {
            1 => [skipped, &[0, 14, 0]].concat(),
            _ if depth.is_multiple_of(2) => [skipped, &[4], &Self::nested(depth - 1, skipped), &[0]].concat(),
            _ => [skipped, &[0, 14, 4], &Self::nested(depth - 1, skipped)].concat(),
        }
    }
}

/// A person, a pet, and its friends, who are pets too; each is owned by a person.
impl Nested for Person {
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8> {
        fn pet(depth: usize, skipped: &[u8]) -> Vec<u8> {
            let owner = Person::nested(1, skipped);
            match depth {
                2 => [&owner[..], &[0]].concat(),
                _ => [&owner[..], &[2], &pet(depth - 1, skipped), &[0]].concat(),
            }
        }
        match depth {
            1 => [skipped, &[0, 0, 0]].concat(),
            _ => [skipped, &[0, 2], &pet(depth - 1, skipped), &[0]].concat(),
        }
    }
}

impl Nested for Numbers {
    fn nested(depth: usize, skipped: &[u8]) -> Vec<u8> {
        let mut bytes = [skipped, &[0, 2]].concat().repeat(depth - 1);
        bytes.extend([skipped, &[0, 0]].concat());
        bytes
    }
}

/// The result of every way to read an event: `own` bytes by its own schema, `others` by a schema with one more field.
fn ways<E, P>(own: &[u8], others: &[u8]) -> Vec<(&'static str, Result<(), DecodeError>)>
where
    E: Nested,
    P: Payload<Event = E>,
{
    let reader = Schema::parse(E::INFO.schema).unwrap();
    let writer = Schema::parse(&with_skipped(E::INFO.schema)).unwrap();
    let plan = Plan::new(&writer, &reader).unwrap();
    assert!(!plan.is_same());
    let holder = Schema::parse(&holder(E::INFO.schema)).unwrap();
    let nothing = Schema::parse(r#"{"type": "record", "name": "Holder", "fields": []}"#).unwrap();
    let over = Plan::new(&holder, &nothing).unwrap();
    vec![
        ("owned", decode::<E>(own).map(drop)),
        ("borrowed", P::decode(Body::new(own)).map(drop)),
        ("dynamic", decode_json(&reader.model, &reader.root, own).map(drop)),
        ("passed over", resolve_json(&over, &nothing, own).map(drop)),
        ("owned, resolved", resolve::decode::<E>(others, &plan).map(drop)),
        (
            "borrowed, resolved",
            P::decode(Body::resolved(others, &plan)).map(drop),
        ),
        (
            "dynamic, resolved",
            resolve_json(&plan, &reader, others).map(drop),
        ),
        (
            "dynamic, of the other writer",
            decode_json(&writer.model, &writer.root, others).map(drop),
        ),
    ]
}

/// A writer's schema with an added first field of bytes.
fn with_skipped(schema: &str) -> String {
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    fields.insert(0, json!({"name": "skipped", "type": "bytes"}));
    schema.to_string()
}

/// A writer's schema: a record whose only field has another schema, and which is encoded as that field.
fn holder(schema: &str) -> String {
    let schema: Value = serde_json::from_str(schema).unwrap();
    json!({"type": "record", "name": "Holder", "fields": [{"name": "held", "type": schema}]}).to_string()
}

fn check_depth<E, P>()
where
    E: Nested,
    P: Payload<Event = E>,
{
    let nested = |depth| (E::nested(depth, &[]), E::nested(depth, &[2, b'x']));
    let (own, others) = nested(LIMIT);
    for (way, result) in ways::<E, P>(&own, &others) {
        assert_eq!(result, Ok(()), "{}, {way}", E::INFO.name);
    }
    let (own, others) = nested(LIMIT + 1);
    for (way, result) in ways::<E, P>(&own, &others) {
        let error = result.expect_err(way);
        assert_eq!(error.kind(), DecodeErrorKind::Depth, "{}, {way}", E::INFO.name);
    }
}

#[test]
fn every_way_to_read_has_the_same_limit_of_depth() {
    check_depth::<_, ListRef<'_>>();
    check_depth::<_, TreeRef<'_>>();
    check_depth::<_, ExpressionRef<'_>>();
    check_depth::<_, PersonRef<'_>>();
    check_depth::<_, NumbersRef<'_>>();
}

#[test]
fn encoding_json_has_the_same_limit_of_depth() {
    let schema = Schema::parse(List::INFO.schema).unwrap();
    let list = |depth: usize| {
        let last = json!({"value": "a", "next": null});
        (1..depth).fold(last, |next, _| json!({"value": "a", "next": next}))
    };
    let mut bytes = Vec::new();
    encode_json(&schema.model, &schema.root, &list(LIMIT), &mut bytes).unwrap();
    assert_eq!(bytes, List::nested(LIMIT, &[]));
    let error = encode_json(&schema.model, &schema.root, &list(LIMIT + 1), &mut bytes).unwrap_err();
    assert_eq!(error.to_string(), "values of recursive types nest deeper than 64");
}

/// A tree with an array of a leaf and a map of a leaf, each in a block with its size in bytes.
fn tree(array: i64, map: i64, skipped: &[u8]) -> Vec<u8> {
    let leaf = Tree::nested(1, skipped);
    let mut bytes = skipped.to_vec();
    for (size, key) in [(array, &b""[..]), (map, b"\x02k")] {
        encode::long(&mut bytes, -1);
        let plus = leaf.len() + key.len();
        encode::long(&mut bytes, i64::try_from(plus).unwrap() + size);
        bytes.extend([key, &leaf, &[0]].concat());
    }
    bytes
}

#[test]
fn every_way_to_read_refuses_a_block_of_a_wrong_size() {
    let read = |array, map| {
        let both = (tree(array, map, &[]), tree(array, map, &[0]));
        ways::<_, TreeRef<'_>>(&both.0, &both.1)
    };
    for (way, result) in read(0, 0) {
        assert_eq!(result, Ok(()), "{way}");
    }
    for (array, map) in [(1, 0), (2, 0), (0, 1)] {
        let kinds = read(array, map)
            .into_iter()
            .map(|(way, result)| (way, result.expect_err(way).kind()));
        for (way, kind) in kinds {
            assert_eq!(kind, DecodeErrorKind::BlockEnd, "{way}, {array}, {map}");
        }
    }
    // A size below the least that the items need is refused at the head of the block.
    for (way, result) in read(-1, 0) {
        assert_eq!(result.expect_err(way).kind(), DecodeErrorKind::Block(-1), "{way}");
    }
}
