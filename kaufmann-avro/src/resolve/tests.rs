use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cursor::{MAX_DEPTH, MAX_LEVELS};
use crate::encode;
use crate::json::{decode_json, encode_json, resolve_json};

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn plan(writer: &str, reader: &str) -> Plan {
    Plan::new(&schema(writer), &schema(reader)).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn refused(writer: &str, reader: &str) -> Vec<String> {
    let errors = Plan::new(&schema(writer), &schema(reader)).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

/// Writes `value` with one schema and reads it with another.
fn read(writer: &str, reader: &str, value: &Value) -> Result<Value, String> {
    let (writer, reader) = (schema(writer), schema(reader));
    let mut bytes = Vec::new();
    encode_json(&writer.model, &writer.root, value, &mut bytes).unwrap();
    let plan = Plan::new(&writer, &reader).unwrap_or_else(|errors| panic!("{errors:?}"));
    resolve_json(&plan, &reader, &bytes).map_err(|error| {
        let explained = plan.explain(&error).map(ToString::to_string);
        explained.unwrap_or_else(|| error.to_string())
    })
}

fn logical(base: &str, name: &str) -> String {
    format!(r#"{{"type": "{base}", "logicalType": "{name}"}}"#)
}

fn decimal(precision: usize, scale: usize) -> String {
    format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": {precision}, "scale": {scale}}}"#)
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#)
}

const LIST: &str = r#"{"type": "record", "name": "L", "fields": [
    {"name": "value", "type": "int"}, {"name": "next", "type": ["null", "L"]}]}"#;

#[test]
fn what_differs_only_in_names_and_docs_is_the_same() {
    for schema in [
        "\"int\"",
        LIST,
        r#"["null", {"type": "array", "items": {"type": "map", "values": "bytes"}}]"#,
    ] {
        assert!(plan(schema, schema).is_same(), "{schema}");
    }
    let writer = record(r#"{"name": "a", "type": {"type": "enum", "name": "x.E", "symbols": ["A"]}}"#);
    let reader = record(
        r#"{"name": "b", "aliases": ["a"], "doc": "!", "type": {"type": "enum", "name": "y.E", "symbols": ["A"]}}"#,
    );
    assert!(plan(&writer, &reader).is_same());
    assert!(plan("\"string\"", "\"bytes\"").is_same());
}

#[test]
fn what_changes_the_bytes_is_not_the_same() {
    for (writer, reader) in [
        ("\"int\"", "\"long\""),
        ("\"int\"", r#"["int"]"#),
        (r#"["null", "int"]"#, r#"["int", "null"]"#),
        (r#"["null", "int"]"#, r#"["null", "int", "string"]"#),
        (
            r#"{"type": "array", "items": "null"}"#,
            r#"{"type": "array", "items": ["null"]}"#,
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#,
            r#"{"type": "enum", "name": "E", "symbols": ["B", "A"]}"#,
        ),
        (
            &record(""),
            &record(r#"{"name": "a", "type": "null", "default": null}"#),
        ),
        (&record(r#"{"name": "a", "type": "null"}"#), &record("")),
    ] {
        assert!(!plan(writer, reader).is_same(), "{writer} {reader}");
    }
}

#[test]
fn a_finer_unit_of_time_is_converted_to() {
    let at = json!("2026-01-31T12:00:00.123Z");
    let finer = json!("2026-01-31T12:00:00.123000Z");
    let (millis, micros) = (
        logical("long", "timestamp-millis"),
        logical("long", "timestamp-micros"),
    );
    assert_eq!(read(&millis, &micros, &at), Ok(finer));
    let nanos = logical("long", "timestamp-nanos");
    assert_eq!(
        read(&millis, &nanos, &at),
        Ok(json!("2026-01-31T12:00:00.123000000Z"))
    );
    let (time, finer) = (logical("int", "time-millis"), logical("long", "time-micros"));
    assert_eq!(
        read(&time, &finer, &json!("23:59:59.999")),
        Ok(json!("23:59:59.999000"))
    );
    let (local, finer) = (
        logical("long", "local-timestamp-micros"),
        logical("long", "local-timestamp-nanos"),
    );
    assert_eq!(
        read(&local, &finer, &json!("1969-12-31T23:59:59.999999")),
        Ok(json!("1969-12-31T23:59:59.999999000"))
    );
}

#[test]
fn a_time_beyond_the_finer_unit_is_an_error() {
    let (millis, nanos) = (
        logical("long", "timestamp-millis"),
        logical("long", "timestamp-nanos"),
    );
    assert_eq!(
        read(&millis, &nanos, &json!("9999-12-31T23:59:59Z")),
        Err("a time of 253402300799000 does not fit in the reader's finer unit at byte 0".to_owned())
    );
}

#[test]
fn other_meanings_of_equal_bytes_are_refused() {
    let pairs = [
        (
            logical("long", "timestamp-micros"),
            logical("long", "timestamp-millis"),
        ),
        (
            logical("long", "timestamp-millis"),
            logical("long", "local-timestamp-millis"),
        ),
        (logical("int", "date"), logical("long", "timestamp-millis")),
        (logical("int", "date"), logical("int", "time-millis")),
        (logical("string", "uuid"), decimal(9, 2)),
        (decimal(9, 2), decimal(9, 4)),
        (decimal(9, 2), decimal(8, 2)),
        (decimal(9, 2), logical("bytes", "big-decimal")),
    ];
    for (writer, reader) in &pairs {
        let errors = refused(writer, reader);
        assert_eq!(errors.len(), 1, "{writer} {reader}");
        assert!(errors[0].ends_with("but not its meaning"), "{errors:?}");
    }
    assert_eq!(
        refused(&decimal(9, 2), &decimal(9, 4)),
        [
            "the writer's `bytes (decimal(9, 2))` has the bytes of the reader's `bytes (decimal(9, 4))`, but not its meaning"
        ]
    );
}

#[test]
fn a_logical_type_beside_none_is_the_plain_value() {
    assert!(plan(&logical("int", "date"), "\"int\"").is_same());
    assert!(plan("\"long\"", &logical("long", "timestamp-millis")).is_same());
    assert!(plan(&decimal(5, 2), &decimal(9, 2)).is_same());
    assert_eq!(
        read("\"int\"", &logical("long", "timestamp-millis"), &json!(1000)),
        Ok(json!("1970-01-01T00:00:01Z"))
    );
}

#[test]
fn a_union_passes_over_a_branch_of_another_meaning() {
    let reader = format!(r#"[{}, "double"]"#, logical("long", "timestamp-millis"));
    assert_eq!(
        read(&logical("int", "date"), &reader, &json!("1970-01-02")),
        Ok(json!(1.0))
    );
}

#[test]
fn errors_name_the_way_and_both_types() {
    let writer = record(
        r#"{"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
            {"name": "price", "type": "string"}, {"name": "size", "type": {"type": "fixed", "name": "S", "size": 2}},
            {"name": "tags", "type": {"type": "map", "values": ["null", "boolean"]}}]}}}"#,
    );
    let reader = record(
        r#"{"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
            {"name": "price", "type": "double"}, {"name": "size", "type": {"type": "fixed", "name": "S", "size": 3}},
            {"name": "tags", "type": {"type": "map", "values": "bytes"}}, {"name": "when", "type": "long"}]}}}"#,
    );
    assert_eq!(
        refused(&writer, &reader),
        [
            "at `items[].price`: the writer's `string` cannot be read as `double`",
            "at `items[].size`: the writer's `S` has 2 bytes, the reader's `S` has 3",
            "at `items[].tags{}`: the writer's `null` cannot be read as `bytes`",
            "at `items[].tags{}`: the writer's `boolean` cannot be read as `bytes`",
            "at `items[].when`: the writer's `Item` has no such field, and the reader's `long` has no default",
        ]
    );
}

#[test]
fn an_unmatched_branch_or_symbol_fails_only_where_it_is_met() {
    let writer = r#"["null", "string", {"type": "enum", "name": "E", "symbols": ["A", "B"]}]"#;
    let reader = r#"[{"type": "enum", "name": "E", "symbols": ["B"]}, "null", "int"]"#;
    assert_eq!(read(writer, reader, &json!(null)), Ok(json!(null)));
    assert_eq!(read(writer, reader, &json!({"E": "B"})), Ok(json!("B")));
    assert_eq!(
        read(writer, reader, &json!({"E": "A"})),
        Err("the reader's `E` lacks the symbol `A` of the writer's `E` and has no default".to_owned())
    );
    assert_eq!(
        read(writer, reader, &json!({"string": "x"})),
        Err(r#"no branch of the reader's `["E", "null", "int"]` takes the writer's `string`"#.to_owned())
    );
    assert_eq!(plan(writer, reader).deferred().len(), 2);
}

#[test]
fn a_union_or_an_enum_of_which_nothing_matches_is_refused_at_once() {
    assert_eq!(refused(r#"["null", "string"]"#, "\"int\"").len(), 2);
    let (writer, reader) = (
        r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#,
        r#"{"type": "enum", "name": "E", "symbols": ["B"]}"#,
    );
    assert_eq!(refused(writer, reader).len(), 1);
}

#[test]
fn a_name_goes_before_an_alias() {
    let writer = record(r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int"}"#);
    let reader = record(
        r#"{"name": "b", "aliases": ["a"], "type": "int"}, {"name": "c", "aliases": ["b", "a"], "type": "int", "default": 0}"#,
    );
    assert_eq!(
        read(&writer, &reader, &json!({"a": 1, "b": 2})),
        Ok(json!({"b": 2, "c": 1}))
    );
}

#[test]
fn a_full_name_goes_before_an_unqualified_one_in_a_union() {
    let writer = r#"{"type": "record", "name": "x.R", "fields": []}"#;
    let field = r#"{"name": "which", "type": "string", "default": "y"}"#;
    let reader = format!(
        r#"[{{"type": "record", "name": "y.R", "fields": [{field}]}}, {{"type": "record", "name": "x.R", "fields": []}}]"#
    );
    assert_eq!(read(writer, &reader, &json!({})), Ok(json!({})));
    let reader = format!(r#"["null", {{"type": "record", "name": "y.R", "fields": [{field}]}}]"#);
    assert_eq!(read(writer, &reader, &json!({})), Ok(json!({"which": "y"})));
}

#[test]
fn schemas_of_any_depth_are_resolved() {
    let depth = 3_000;
    let nested = |last: &str| {
        let record = |level: usize| {
            let next = if level + 1 == depth {
                last.to_owned()
            } else {
                format!("\"R{}\"", level + 1)
            };
            format!(
                r#"{{"type": "record", "name": "R{level}", "fields": [{{"name": "f", "type": {next}}}]}}"#
            )
        };
        let all = (0..depth).map(record).collect::<Vec<_>>();
        schema(&format!("[{}]", all.join(",")))
    };
    let (writer, reader) = (nested("\"int\""), nested("\"long\""));
    let plan = Plan::new(&writer, &reader).unwrap();
    assert!(!plan.is_same());
    assert!(Plan::new(&writer, &writer).unwrap().is_same());
    // The value is too deep to be read, but that is only an error.
    assert!(resolve_json(&plan, &reader, &[0, 2]).is_err());
}

#[test]
fn what_is_passed_over_may_nest_only_so_deep() {
    let writer = record(&format!(r#"{{"name": "gone", "type": ["null", {LIST}]}}"#));
    let (writer, reader) = (schema(&writer), schema(&record("")));
    let plan = Plan::new(&writer, &reader).unwrap();
    let list = |length: usize| {
        let mut bytes = [2, 0].repeat(length);
        bytes.push(0);
        bytes
    };
    let limit = usize::try_from(MAX_DEPTH).unwrap();
    assert_eq!(resolve_json(&plan, &reader, &list(limit)), Ok(json!({})));
    for length in [limit + 1, 100_000] {
        let error = resolve_json(&plan, &reader, &list(length)).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Depth);
    }
}

#[test]
fn levels_of_a_schema_are_counted_apart() {
    // The parser lets a file nest less deeply than that, so types have to refer to each other.
    let writer = |records: usize| {
        let nested = |index: usize| {
            let next = if index + 1 == records {
                "\"int\"".to_owned()
            } else {
                format!("\"R{}\"", index + 1)
            };
            let (lists, ends) = (r#"{"type": "array", "items": "#.repeat(9), "}".repeat(9));
            format!(
                r#"{{"type": "record", "name": "R{index}", "fields": [{{"name": "f", "type": {lists}{next}{ends}}}]}}"#
            )
        };
        let all = (0..records).map(nested).collect::<Vec<_>>();
        record(&format!(r#"{{"name": "gone", "type": [{}]}}"#, all.join(",")))
    };
    let bytes = |records: usize| {
        // The union's branch, the heads of the lists, the int, the ends.
        let lists = 9 * records;
        [&[0][..], &[2].repeat(lists), &[14], &[0].repeat(lists)].concat()
    };
    let none = schema(&record(""));
    // The record with the field (which is not passed over itself), its union, ten for each of the records, the int.
    let most = (MAX_LEVELS - 3) / 10;
    for (records, holds) in [(most, true), (most + 2, false)] {
        let writer = schema(&writer(records));
        let plan = Plan::new(&writer, &none).unwrap();
        let read = [
            decode_json(&writer.model, &writer.root, &bytes(records)),
            resolve_json(&plan, &none, &bytes(records)),
        ];
        for read in read {
            match read {
                Ok(_) => assert!(holds, "{records}"),
                Err(error) => assert_eq!((error.kind(), holds), (DecodeErrorKind::Levels, false)),
            }
        }
    }
}

#[test]
fn a_block_is_passed_over_as_it_is_read() {
    // Two strings, of one byte and of three.
    let texts = |count: i64, size: Option<i64>| {
        let mut bytes = Vec::new();
        encode::long(&mut bytes, count);
        size.into_iter().for_each(|size| encode::long(&mut bytes, size));
        bytes.extend([0, 4, b'a', b'b', 0, 14]);
        bytes
    };
    let field =
        r#"{"name": "gone", "type": {"type": "array", "items": "string"}}, {"name": "kept", "type": "int"}"#;
    let writer = schema(&record(field));
    let reader = schema(&record(r#"{"name": "kept", "type": "int"}"#));
    let plan = Plan::new(&writer, &reader).unwrap();
    for bytes in [texts(2, None), texts(-2, Some(4))] {
        assert_eq!(resolve_json(&plan, &reader, &bytes), Ok(json!({"kept": 7})));
        assert!(decode_json(&writer.model, &writer.root, &bytes).is_ok());
    }
    for size in [2, 3, 5, 6] {
        let bytes = texts(-2, Some(size));
        let passed = resolve_json(&plan, &reader, &bytes).unwrap_err();
        assert_eq!(
            (passed.kind(), passed.offset()),
            (DecodeErrorKind::BlockEnd, 6),
            "{size}"
        );
        assert_eq!(decode_json(&writer.model, &writer.root, &bytes), Err(passed));
    }
}

/// A record that has another one twice, which has another one twice, and so on: two to the power of 60 in all.
fn doubling(innermost: &str) -> String {
    let mut inner = format!(r#"{{"type": "record", "name": "D60", "fields": [{innermost}]}}"#);
    for level in (0..60).rev() {
        inner = format!(
            r#"{{"type": "record", "name": "D{level}", "fields": [
                {{"name": "a", "type": {inner}}}, {{"name": "b", "type": "D{}"}}]}}"#,
            level + 1
        );
    }
    inner
}

#[test]
fn records_of_no_bytes_are_passed_over_at_once_however_many_there_are() {
    let reader = schema(&record(r#"{"name": "a", "type": "int"}"#));
    let writer = |gone: &str| {
        schema(&record(&format!(
            r#"{{"name": "gone", "type": {gone}}}, {{"name": "a", "type": "int"}}"#
        )))
    };
    let empty = Plan::new(&writer(&doubling("")), &reader).unwrap();
    assert_eq!(resolve_json(&empty, &reader, &[2]), Ok(json!({"a": 1})));
    let byte = doubling(r#"{"name": "a", "type": "boolean"}"#);
    let bytes = Plan::new(&writer(&byte), &reader).unwrap();
    let error = resolve_json(&bytes, &reader, &[2]).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::End { needed: 1 << 60 });
}

#[test]
fn records_of_no_bytes_are_counted_where_the_reader_wants_them() {
    let reader = schema(&doubling(r#"{"name": "a", "type": "int", "default": 1}"#));
    let plan = Plan::new(&schema(&doubling("")), &reader).unwrap();
    let error = resolve_json(&plan, &reader, &[]).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::EmptyItems);
}

#[test]
fn what_is_passed_over_is_counted_and_not_looked_into() {
    let (writer, reader) = (
        schema(&record(
            r#"{"name": "gone", "type": {"type": "array", "items": "string"}}, {"name": "a", "type": "int"}"#,
        )),
        schema(&record(r#"{"name": "a", "type": "int"}"#)),
    );
    let plan = Plan::new(&writer, &reader).unwrap();
    // Two items that are no strings, in three bytes.
    assert_eq!(
        resolve_json(&plan, &reader, &[3, 6, 2, 0xff, 0, 0, 2]),
        Ok(json!({"a": 1}))
    );
    assert!(resolve_json(&plan, &reader, &[3, 6, 4, 0xff, 0, 0, 2]).is_err());
    for count in [i64::MAX, i64::MIN, 1 << 40, -(1 << 40)] {
        let mut bytes = Vec::new();
        crate::encode::long(&mut bytes, count);
        bytes.extend([4, 0, 0, 0]);
        assert!(resolve_json(&plan, &reader, &bytes).is_err());
    }
}

const OLD: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "gone", "type": {"type": "map", "values": ["null", "string", {"type": "array", "items": "double"}]}},
    {"name": "i", "type": "int"}, {"name": "f", "type": "float"},
    {"name": "list", "type": {"type": "array", "items": {"type": "record", "name": "In", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}},
        {"name": "x", "type": ["null", "bytes", "boolean", "R"]}, {"name": "n", "type": "null"}]}}},
    {"name": "empty", "type": {"type": "array", "items": "null"}}]}"#;

const NEW: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "f", "type": "double"},
    {"name": "list", "type": {"type": "array", "items": {"type": "record", "name": "In", "fields": [
        {"name": "x", "type": ["string", "R", "null"]}, {"name": "d", "type": "int", "default": 3},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["C", "A"], "default": "A"}}]}}},
    {"name": "empty", "type": {"type": "array", "items": ["int", "null"]}},
    {"name": "long", "aliases": ["i"], "type": ["null", "long"]}]}"#;

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let (old, new) = (schema(OLD), schema(NEW));
        let plan = Plan::new(&old, &new).unwrap();
        let resolved = resolve_json(&plan, &new, &bytes);
        if let Err(error) = &resolved {
            prop_assert!(error.offset() <= bytes.len());
        }
    }

    #[test]
    fn a_plan_for_another_type_is_an_error_at_worst(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let (old, new) = (schema(OLD), schema(NEW));
        let plan = Plan::new(&old, &new).unwrap();
        let _ = resolve_json(&plan, &old, &bytes);
        let _ = resolve_json(&plan, &schema(LIST), &bytes);
        let _ = resolve_json(&plan, &schema("[\"null\", \"int\"]"), &bytes);
    }
}

#[test]
fn names_that_the_specification_does_not_allow_are_read_by_aliases() {
    let writer = r#"{"type": "record", "name": "old-hello", "namespace": "acct-svc.eu-1", "fields": [
        {"name": "detail-type", "type": ["null", "string"], "default": null},
        {"name": "kind", "type": {"type": "enum", "name": "kind-of", "symbols": ["A", "B"]}},
        {"name": "again", "type": "acct-svc.eu-1.kind-of"},
        {"name": "sum", "type": ["null", {"type": "fixed", "name": "check.string", "size": 2}]}]}"#;
    let reader = r#"{"type": "record", "name": "hello", "namespace": "acct", "aliases": ["acct-svc.eu-1.old-hello"], "fields": [
        {"name": "detail_type", "type": ["null", "string"], "default": null, "aliases": ["detail-type"]},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "aliases": ["acct-svc.eu-1.kind-of"], "symbols": ["A", "B"]}},
        {"name": "again", "type": "Kind"},
        {"name": "sum", "type": ["null", {"type": "fixed", "name": "Sum", "aliases": ["check.string"], "size": 2}]}]}"#;
    crate::parse_str(reader).unwrap();
    let value =
        json!({"detail-type": {"string": "dt"}, "kind": "B", "again": "A", "sum": {"check.string": "ab"}});
    let read = read(writer, reader, &value).unwrap();
    assert_eq!(
        read,
        json!({"detail_type": "dt", "kind": "B", "again": "A", "sum": "ab"})
    );
}
