//! Bounds and malformed blocks, in every way to read: generated types owned and borrowed, by their own schema and by another
//! writer's, the schema alone, and passing over. They say the same of the same bytes.

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::cursor::MAX_DEPTH;
use kaufmann_avro::json::{decode_json, encode_json, resolve_json};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{DecodeError, DecodeErrorKind, Schema, decode, encode};
use serde_json::{Value, json};

use super::fuzz::types::recursion::recursion::*;

const LIMIT: usize = MAX_DEPTH as usize;

/// A recursive event, and bytes of it.
trait Nested: Event + for<'a> resolve::DecodeResolved<'a> {
    /// A value in which so many values of recursive types are nested. Each of the event itself begins with `gone`.
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8>;
}

impl Nested for List {
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8> {
        let mut bytes = [gone, &[2, b'a', 2]].concat().repeat(depth - 1);
        bytes.extend([gone, &[2, b'a', 0]].concat());
        bytes
    }
}

/// Each in the array or, every other time, in the map of the one above.
impl Nested for Tree {
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8> {
        match depth {
            1 => [gone, &[0, 0]].concat(),
            _ if depth.is_multiple_of(2) => [gone, &[2], &Self::nested(depth - 1, gone), &[0, 0]].concat(),
            _ => [gone, &[0, 2, 2, b'k'], &Self::nested(depth - 1, gone), &[0]].concat(),
        }
    }
}

impl Nested for Expression {
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8> {
        match depth {
            1 => [gone, &[0, 14, 0]].concat(),
            _ if depth.is_multiple_of(2) => [gone, &[4], &Self::nested(depth - 1, gone), &[0]].concat(),
            _ => [gone, &[0, 14, 4], &Self::nested(depth - 1, gone)].concat(),
        }
    }
}

/// A person, a pet, and its friends, who are pets too; each is owned by a person.
impl Nested for Person {
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8> {
        fn pet(depth: usize, gone: &[u8]) -> Vec<u8> {
            let owner = Person::nested(1, gone);
            match depth {
                2 => [&owner[..], &[0]].concat(),
                _ => [&owner[..], &[2], &pet(depth - 1, gone), &[0]].concat(),
            }
        }
        match depth {
            1 => [gone, &[0, 0, 0]].concat(),
            _ => [gone, &[0, 2], &pet(depth - 1, gone), &[0]].concat(),
        }
    }
}

impl Nested for Numbers {
    fn nested(depth: usize, gone: &[u8]) -> Vec<u8> {
        let mut bytes = [gone, &[0, 2]].concat().repeat(depth - 1);
        bytes.extend([gone, &[0, 0]].concat());
        bytes
    }
}

/// What every way to read says of bytes of an event: `own` by its own schema, `others` by one with a field more.
fn ways<E, P>(own: &[u8], others: &[u8]) -> Vec<(&'static str, Result<(), DecodeError>)>
where
    E: Nested,
    P: Payload<Event = E>,
{
    let reader = Schema::parse(E::INFO.schema).unwrap();
    let writer = Schema::parse(&with_gone(E::INFO.schema)).unwrap();
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

/// A writer's schema with a field of bytes in front.
fn with_gone(schema: &str) -> String {
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    fields.insert(0, json!({"name": "gone", "type": "bytes"}));
    schema.to_string()
}

/// A writer's schema of a record with a value of another schema, written as that value alone.
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
fn what_is_written_from_json_has_it_too() {
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

/// A tree with an array of a leaf and a map of a leaf, each in a block that says its size in bytes.
fn tree(array: i64, map: i64, gone: &[u8]) -> Vec<u8> {
    let leaf = Tree::nested(1, gone);
    let mut bytes = gone.to_vec();
    for (size, key) in [(array, &b""[..]), (map, b"\x02k")] {
        encode::long(&mut bytes, -1);
        let plus = leaf.len() + key.len();
        encode::long(&mut bytes, i64::try_from(plus).unwrap() + size);
        bytes.extend([key, &leaf, &[0]].concat());
    }
    bytes
}

#[test]
fn every_way_to_read_refuses_a_block_that_ends_elsewhere_than_it_says() {
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
    // Fewer bytes than the items need at the least are found at the head.
    for (way, result) in read(-1, 0) {
        assert_eq!(result.expect_err(way).kind(), DecodeErrorKind::Block(-1), "{way}");
    }
}
