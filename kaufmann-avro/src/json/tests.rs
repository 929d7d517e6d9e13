use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JsonError, JsonErrorKind, decode_json, default_branch, encode_json};
use crate::model::Kind;
use crate::{DecodeErrorKind, Schema, encode};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn encoded(schema: &Schema, value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    let result = encode_json(&schema.model, &schema.root, value, &mut out);
    assert!(result.is_ok() || out.is_empty(), "an error leaves nothing behind");
    result.map(|()| out)
}

fn decoded(schema: &Schema, bytes: &[u8]) -> Value {
    decode_json(&schema.model, &schema.root, bytes).unwrap()
}

/// The value goes in and comes out the same; returns its bytes.
fn survives(text: &str, value: &Value) -> Vec<u8> {
    let schema = schema(text);
    let bytes = encoded(&schema, value).unwrap_or_else(|error| panic!("{text} {value}: {error}"));
    assert_eq!(&decoded(&schema, &bytes), value, "{text}");
    bytes
}

fn error(text: &str, value: &Value) -> String {
    encoded(&schema(text), value).unwrap_err().to_string()
}

const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "address", "type": {"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": {"type": "array", "items": "string"}},
        {"name": "tags", "type": {"type": "map", "values": "int"}, "default": {"a": 1}}]}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "CLOSED"]}, "default": "OPEN"},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, "default": "\u0064"},
    {"name": "note", "type": ["null", "string", {"type": "long", "logicalType": "timestamp-millis"}], "default": null}]}"#;

fn order() -> Value {
    json!({
        "id": "01234567-89ab-cdef-0123-456789abcdef",
        "address": {"street": ["Main St", "2"], "tags": {"x": 1, "y": 2}},
        "state": "CLOSED", "total": "12.34", "note": "hi",
    })
}

#[test]
fn every_kind_survives() {
    assert!(survives("\"null\"", &json!(null)).is_empty());
    assert_eq!(survives("\"boolean\"", &json!(true)), [1]);
    assert_eq!(survives("\"int\"", &json!(-1)), [1]);
    survives("\"long\"", &json!(i64::MIN));
    assert_eq!(survives("\"float\"", &json!(0.1)), 0.1_f32.to_le_bytes());
    survives("\"float\"", &json!("NaN"));
    survives("\"double\"", &json!(1e300));
    survives("\"double\"", &json!("-Infinity"));
    assert_eq!(survives("\"bytes\"", &json!("a\u{ff}\u{0}")), [6, b'a', 0xff, 0]);
    survives("\"string\"", &json!("é€🦀"));
    survives(r#"{"type": "array", "items": "int"}"#, &json!([1, 2, 3]));
    assert_eq!(survives(r#"{"type": "array", "items": "int"}"#, &json!([])), [0]);
    survives(
        r#"{"type": "map", "values": "boolean"}"#,
        &json!({"a": true, "": false}),
    );
    assert_eq!(survives(r#"["null", "long"]"#, &json!(7)), [2, 14]);
    survives(r#"{"type": "fixed", "name": "F", "size": 2}"#, &json!("a\u{80}"));
    survives(ORDER, &order());
}

#[test]
fn logical_types_are_readable_and_may_be_raw() {
    for (ty, text, raw) in [
        (
            r#"{"type": "int", "logicalType": "date"}"#,
            json!("1970-01-02"),
            json!(1),
        ),
        (
            r#"{"type": "int", "logicalType": "time-millis"}"#,
            json!("00:00:01.500"),
            json!(1500),
        ),
        (
            r#"{"type": "long", "logicalType": "time-micros"}"#,
            json!("00:00:00.000001"),
            json!(1),
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
            json!("1970-01-01T00:00:01Z"),
            json!(1000),
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-nanos"}"#,
            json!("1970-01-01T00:00:00.000000001Z"),
            json!(1),
        ),
        (
            r#"{"type": "long", "logicalType": "local-timestamp-micros"}"#,
            json!("1970-01-01T00:00:00.000001"),
            json!(1),
        ),
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}"#,
            json!("12.30"),
            json!(12.3),
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 4, "scale": 2}"#,
            json!("-0.01"),
            json!(-0.01),
        ),
        (
            r#"{"type": "bytes", "logicalType": "big-decimal"}"#,
            json!("12.34"),
            json!(12.34),
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}"#,
            json!("61616161-6161-6161-6161-616161616161"),
            json!("aaaaaaaaaaaaaaaa"),
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}"#,
            json!("P1MT0.002S"),
            json!("\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{2}\u{0}\u{0}\u{0}"),
        ),
    ] {
        let bytes = survives(ty, &text);
        assert_eq!(encoded(&schema(ty), &raw), Ok(bytes), "{ty}");
    }
}

#[test]
fn missing_fields_take_their_defaults() {
    let schema = schema(ORDER);
    let least = json!({"id": "01234567-89ab-cdef-0123-456789abcdef", "address": {"street": []}});
    let bytes = encoded(&schema, &least).unwrap();
    assert_eq!(
        decoded(&schema, &bytes),
        json!({
            "id": "01234567-89ab-cdef-0123-456789abcdef", "address": {"street": [], "tags": {"a": 1}},
            "state": "OPEN", "total": "1.00", "note": null,
        })
    );
}

#[test]
fn errors_say_where_what_and_how_to_fix() {
    let with = |pointer: &str, value: Value| {
        let mut order = order();
        *order.pointer_mut(pointer).unwrap() = value;
        error(ORDER, &order)
    };
    assert_eq!(
        with("/address/street/1", json!(2)),
        "at `address.street[1]`: expected a string, found the number 2"
    );
    assert_eq!(
        with("/address/tags/x", json!("1")),
        "at `address.tags[\"x\"]`: expected an int, found the string \"1\""
    );
    assert_eq!(
        with("/state", json!("CLOSE")),
        "at `state`: `shop.State` has no symbol `CLOSE`, did you mean `CLOSED`?"
    );
    assert_eq!(
        with("/id", json!("x")),
        "at `id`: expected a UUID, found the string \"x\""
    );
    assert_eq!(
        with("/total", json!("12.345")),
        "at `total`: expected a decimal of at most 6 digits, 2 of them after the point, found the string \"12.345\""
    );
    assert_eq!(
        with("/note", json!(true)),
        "at `note`: expected one of `null`, `string`, `long`, found the boolean true"
    );
    assert_eq!(
        with("/address", json!({"sreet": []})),
        "at `address`: `shop.Address` has no field `sreet`, did you mean `street`?"
    );
    assert_eq!(
        with("/address", json!({})),
        "at `address`: the field `street` of `shop.Address` is missing and has no default"
    );
    assert_eq!(
        with("/address", json!([])),
        "at `address`: expected an object (the record `shop.Address`), found an array"
    );
    assert_eq!(
        error("\"int\"", &json!(2_147_483_648_i64)),
        "expected an int (32 bits), found the number 2147483648"
    );
    assert_eq!(
        error("\"long\"", &json!(u64::MAX)),
        format!("expected a long (64 bits), found the number {}", u64::MAX)
    );
    assert_eq!(
        error("\"float\"", &json!(1e300)),
        "expected a float (32 bits), found the number 1e+300"
    );
    assert_eq!(
        error(r#"{"type": "int", "logicalType": "date"}"#, &json!("today")),
        "expected a date like 2026-01-31, found the string \"today\""
    );
    assert_eq!(
        error(r#"["null", "int"]"#, &json!("1")),
        "expected an int, found the string \"1\""
    );
}

#[test]
fn a_union_takes_the_first_branch_that_fits() {
    let branch = |union: &str, value: Value| encoded(&schema(union), &value).map(|bytes| bytes[0] / 2);
    assert_eq!(branch(r#"["int", "long", "double"]"#, json!(1)), Ok(0));
    assert_eq!(branch(r#"["int", "long", "double"]"#, json!(1_i64 << 40)), Ok(1));
    assert_eq!(branch(r#"["int", "long", "double"]"#, json!(1.5)), Ok(2));
    assert_eq!(branch(r#"["bytes", "string"]"#, json!("€")), Ok(1));
    assert_eq!(
        branch(
            r#"[{"type": "map", "values": "int"}, {"type": "array", "items": "int"}]"#,
            json!([])
        ),
        Ok(1)
    );
}

#[test]
fn a_union_takes_the_tagged_form() {
    let union = r#"["null", "int", "long", {"type": "record", "name": "n.R", "fields": [{"name": "x", "type": "int"}]}]"#;
    assert_eq!(encoded(&schema(union), &json!({"long": 1})), Ok(vec![4, 2]));
    assert_eq!(encoded(&schema(union), &json!({"n.R": {"x": 1}})), Ok(vec![6, 2]));
    assert_eq!(encoded(&schema(union), &json!({"R": {"x": 1}})), Ok(vec![6, 2]));
    assert_eq!(encoded(&schema(union), &json!({"x": 1})), Ok(vec![6, 2]));
    assert_eq!(
        error(union, &json!({"R": {"x": "1"}})),
        "at `x`: expected an int, found the string \"1\""
    );
}

#[test]
fn the_nearest_branch_explains_why_none_fits() {
    let union = r#"["null", {"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]}, {"type": "record", "name": "B", "fields": [{"name": "y", "type": {"type": "array", "items": "int"}}]}]"#;
    assert_eq!(
        error(union, &json!({"y": [1, null]})),
        "at `y[1]`: expected an int, found null"
    );
}

#[test]
fn the_branch_of_a_default_is_the_first_that_fits() {
    let schema = schema(r#"["null", "bytes", "string"]"#);
    let Kind::Union(branches) = &schema.root.kind else {
        panic!()
    };
    let branch = |default: Value| default_branch(&schema.model, branches, &default);
    assert_eq!(branch(json!(null)), Some(0));
    assert_eq!(branch(json!("a")), Some(1));
    assert_eq!(branch(json!("€")), Some(2));
    assert_eq!(branch(json!(1)), None);
}

#[test]
fn values_without_end_are_errors_and_not_crashes() {
    let list = schema(r#"{"type": "record", "name": "L", "fields": [{"name": "n", "type": ["null", "L"]}]}"#);
    let mut value = json!({"n": null});
    for _ in 0..10_000 {
        value = Value::Object([("n".to_owned(), value)].into_iter().collect());
    }
    assert!(
        encoded(&list, &value)
            .unwrap_err()
            .to_string()
            .starts_with("values of recursive types nest deeper than 64")
    );
    drop_deep(value);
    let error = decode_json(&list.model, &list.root, &[2; 100_000]).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Depth);
}

/// The destructor of a deep value is recursive.
fn drop_deep(mut value: Value) {
    while let Some(inner) = value.get_mut("n").map(Value::take) {
        value = inner;
    }
}

#[test]
fn a_schema_of_many_empty_values_does_not_take_for_ever() {
    let level = |i: usize| {
        format!(
            r#"{{"type": "record", "name": "T{i}", "fields": [{{"name": "a", "type": "T{0}"}}, {{"name": "b", "type": "T{0}"}}]}}"#,
            i + 1
        )
    };
    let mut types: Vec<_> = (0..60).map(level).collect();
    types.push(r#"{"type": "record", "name": "T60", "fields": []}"#.to_owned());
    let schema = schema(&format!("[{}]", types.join(",")));
    let error = decode_json(&schema.model, &schema.root, &[0]).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::EmptyItems);
    let nulls = self::schema(r#"{"type": "array", "items": "null"}"#);
    let mut bytes = Vec::new();
    encode::long(&mut bytes, i64::MAX);
    assert_eq!(
        decode_json(&nulls.model, &nulls.root, &bytes).unwrap_err().kind(),
        DecodeErrorKind::EmptyItems
    );
}

#[test]
fn bytes_after_the_datum_are_an_error() {
    let schema = schema("\"int\"");
    assert_eq!(
        decode_json(&schema.model, &schema.root, &[0, 0])
            .unwrap_err()
            .kind(),
        DecodeErrorKind::Trailing(1)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let schema = schema(ORDER);
        let _ = decode_json(&schema.model, &schema.root, &bytes);
    }

    #[test]
    fn no_prefix_of_a_datum_is_one(cut in any::<prop::sample::Index>()) {
        let schema = schema(ORDER);
        let bytes = encoded(&schema, &order()).unwrap();
        let length = cut.index(bytes.len());
        prop_assert!(decode_json(&schema.model, &schema.root, &bytes[..length]).is_err());
    }

    #[test]
    fn floats_survive(value: f32) {
        let schema = schema("\"float\"");
        let bytes = value.to_le_bytes();
        if !value.is_nan() {
            prop_assert_eq!(encoded(&schema, &decoded(&schema, &bytes)), Ok(bytes.to_vec()));
        }
    }
}

#[test]
fn what_defaults_or_unions_multiply_is_bounded() {
    let defaults = |level: usize| {
        format!(
            r#"{{"type": "record", "name": "D{level}", "fields": [
                {{"name": "a", "type": "D{0}", "default": {{}}}}, {{"name": "b", "type": "D{0}", "default": {{}}}}]}}"#,
            level + 1
        )
    };
    let all = (0..60).map(defaults).collect::<Vec<_>>().join(",");
    let doubled = Schema::parse(&format!(
        r#"[{all}, {{"type": "record", "name": "D60", "fields": []}}]"#
    ))
    .unwrap();
    let error = encode_json(&doubled.model, &doubled.root, &json!({"D0": {}}), &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "writing it takes more than 4000000 steps");

    // Each level may be either record, and the last fits neither.
    let either = Schema::parse(
        r#"{"type": "record", "name": "A", "fields": [{"name": "next", "type": ["null", "A",
            {"type": "record", "name": "B", "fields": [{"name": "next", "type": ["null", "A", "B"]}]}]}]}"#,
    )
    .unwrap();
    let mut value = json!(1);
    for _ in 0..60 {
        value = json!({ "next": value });
    }
    let error = encode_json(&either.model, &either.root, &value, &mut Vec::new()).unwrap_err();
    assert_eq!(*error.kind(), JsonErrorKind::Steps);
}
