//! The tables of the guide to JSON: what is accepted, printed and refused.

use kaufmann_avro::Schema;
use kaufmann_avro::json::{decode_json, encode_json};
use kaufmann_avro::model::Logical;
use serde_json::Value;

const GUIDE: &str = include_str!("../../kaufmann/src/docs/json.md");

const FLOATS: &[&str] = &[r#""float""#, r#""double""#];

/// The rows of the tables for types, by their first cell, with the schemas that the cell names.
const TYPES: &[(&str, &[&str])] = &[
    ("null", &[r#""null""#]),
    ("boolean", &[r#""boolean""#]),
    ("int", &[r#""int""#]),
    ("long", &[r#""long""#]),
    ("float", &[r#""float""#]),
    ("double", &[r#""double""#]),
    ("float, double", FLOATS),
    ("float, double", FLOATS),
    ("bytes: the code points 0 to 255", &[r#""bytes""#]),
    (
        "fixed, here of 2 bytes",
        &[r#"{"type": "fixed", "name": "F", "size": 2}"#],
    ),
    ("string", &[r#""string""#]),
    (
        "enum",
        &[r#"{"type": "enum", "name": "E", "symbols": ["RED", "GREEN"]}"#],
    ),
    ("array, here of int", &[r#"{"type": "array", "items": "int"}"#]),
    ("map, here of int", &[r#"{"type": "map", "values": "int"}"#]),
    (
        "record, here of `a`: int, and `b`: string with the default `\"x\"`",
        &[r#"{"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "int"}, {"name": "b", "type": "string", "default": "x"}
        ]}"#],
    ),
    (
        "the records `shop.Card` and `shop.Cash`, both of `cents`: int",
        &[r#"[
            {"type": "record", "name": "shop.Card", "fields": [{"name": "cents", "type": "int"}]},
            {"type": "record", "name": "shop.Cash", "fields": [{"name": "cents", "type": "int"}]}
        ]"#],
    ),
];

const DECIMAL: Logical = Logical::Decimal {
    precision: 4,
    scale: 2,
};
const LOGICAL: &[Logical] = &[
    Logical::Date,
    Logical::TimeMillis,
    Logical::TimeMicros,
    Logical::TimestampMillis,
    Logical::TimestampMicros,
    Logical::TimestampNanos,
    Logical::LocalTimestampMillis,
    Logical::LocalTimestampMicros,
    Logical::LocalTimestampNanos,
    DECIMAL,
    Logical::BigDecimal,
    Logical::Uuid,
    Logical::Duration,
];

/// The rows of a logical type. The match is exhaustive, so each type has a row.
fn logical(logical: Logical) -> Vec<(&'static str, Vec<String>)> {
    let on = |base: &str, name: &str| format!(r#"{{"type": "{base}", "logicalType": "{name}"}}"#);
    let fixed = |size: usize, name: &str| {
        format!(r#"{{"type": "fixed", "name": "F", "size": {size}, "logicalType": "{name}"}}"#)
    };
    let int = |name: &'static str| vec![(name, vec![on("int", name)])];
    let long = |name: &'static str| vec![(name, vec![on("long", name)])];
    match logical {
        Logical::Date => int("date"),
        Logical::TimeMillis => int("time-millis"),
        Logical::TimeMicros => long("time-micros"),
        Logical::TimestampMillis => long("timestamp-millis"),
        Logical::TimestampMicros => long("timestamp-micros"),
        Logical::TimestampNanos => long("timestamp-nanos"),
        Logical::LocalTimestampMillis => long("local-timestamp-millis"),
        Logical::LocalTimestampMicros => long("local-timestamp-micros"),
        Logical::LocalTimestampNanos => long("local-timestamp-nanos"),
        Logical::Decimal { precision, scale } => {
            let digits = format!(r#"decimal", "precision": {precision}, "scale": {scale}, "doc": ""#);
            vec![(
                "decimal, here of 4 digits, 2 of them after the point",
                vec![on("bytes", &digits), fixed(3, &digits)],
            )]
        }
        Logical::BigDecimal => vec![("big-decimal", vec![on("bytes", "big-decimal")])],
        Logical::Uuid => vec![
            ("uuid on string", vec![on("string", "uuid")]),
            ("uuid on fixed", vec![fixed(16, "uuid")]),
        ],
        Logical::Duration => vec![("duration", vec![fixed(12, "duration")])],
    }
}

/// The JSON values of a cell.
fn values(cell: &str) -> Vec<Value> {
    let texts = cell.split('`').skip(1).step_by(2);
    texts
        .map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect()
}

/// The value as it is printed, if it is accepted.
fn printed(schema: &Schema, value: &Value) -> Option<Value> {
    let mut bytes = Vec::new();
    encode_json(&schema.model, &schema.root, value, &mut bytes).ok()?;
    Some(decode_json(&schema.model, &schema.root, &bytes).unwrap())
}

#[test]
fn json_is_accepted_printed_and_refused_as_in_the_guide() {
    let logical = LOGICAL.iter().flat_map(|of| logical(*of));
    let types = TYPES
        .iter()
        .map(|(name, schemas)| (*name, schemas.iter().map(|&schema| schema.to_owned()).collect()));
    let mut known: Vec<(&str, Vec<String>)> = types.chain(logical).collect();
    let rows = GUIDE.lines().filter(|line| {
        let head = ["|---", "| Avro |", "| union |"];
        line.starts_with('|') && !head.iter().any(|head| line.starts_with(head))
    });
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, taken, shown, refused] = cells[..] else {
            panic!("{} cells: {row}", cells.len());
        };
        // A union's cell is its schema.
        let schemas = match known.iter().position(|(known, _)| *known == name) {
            Some(place) => known.remove(place).1,
            None => vec![name.trim_matches('`').to_owned()],
        };
        for schema in schemas {
            let schema = Schema::parse(&schema).unwrap_or_else(|errors| panic!("{row}: {errors:?}"));
            assert!(!values(taken).is_empty(), "{row}");
            for value in values(taken) {
                let expected = match shown {
                    "the same" => value.clone(),
                    _ => values(shown).remove(0),
                };
                assert_eq!(printed(&schema, &value), Some(expected), "{value}: {row}");
            }
            for value in values(refused) {
                assert_eq!(printed(&schema, &value), None, "{value}: {row}");
            }
        }
    }
    assert!(known.is_empty(), "the guide has no row for {known:?}");
}

/// Of two records that look alike, the second is selected only by name.
#[test]
fn a_named_branch_is_the_one_that_is_written() {
    let (_, schemas) = TYPES.last().unwrap();
    let schema = Schema::parse(schemas[0]).unwrap();
    for (json, branch) in [
        (r#"{"cents": 5}"#, 0),
        (r#"{"Card": {"cents": 5}}"#, 0),
        (r#"{"Cash": {"cents": 5}}"#, 2),
        (r#"{"shop.Cash": {"cents": 5}}"#, 2),
    ] {
        let mut bytes = Vec::new();
        let value = serde_json::from_str(json).unwrap();
        encode_json(&schema.model, &schema.root, &value, &mut bytes).unwrap();
        assert_eq!(bytes, [branch, 10], "{json}");
    }
}
