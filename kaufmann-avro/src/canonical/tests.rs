use crate::model::Model;
use crate::{Schema, Source, crc64, parse, parse_str, sha256};

/// Schemas of ours; canonical forms, CRC-64 and SHA-256 as Java's implementation (1.12.1) computes them.
const VECTORS: &str = include_str!("vectors.tsv");

fn model(text: &str) -> Model {
    parse_str(text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn canonical(text: &str) -> String {
    let model = model(text);
    model.canonical(&model.files[0].root)
}

fn identity(text: &str) -> String {
    let model = model(text);
    model.identity(&model.files[0].root)
}

fn full(text: &str) -> String {
    let model = model(text);
    model.to_json(&model.files[0].root)
}

#[test]
fn canonical_forms_and_fingerprints_are_those_of_java() {
    for line in VECTORS.lines() {
        let [schema, expected, crc, sha] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let found = canonical(schema);
        assert_eq!(found, expected);
        assert_eq!(format!("{:016x}", crc64(found.as_bytes())), crc);
        assert_eq!(
            sha256(found.as_bytes())
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
            sha
        );
    }
    assert_eq!(VECTORS.lines().count(), 10);
}

#[test]
fn the_canonical_form_is_its_own_canonical_form() {
    // The specification's form cannot say that a type within a namespace has none.
    for line in VECTORS.lines().filter(|line| !line.contains(r#""namespace":"""#)) {
        let form = canonical(line.split('\t').next().unwrap());
        assert_eq!(canonical(&form), form);
    }
}

#[test]
fn the_whole_text_says_the_same_as_the_file() {
    for line in VECTORS.lines() {
        let schema = line.split('\t').next().unwrap();
        let text = full(schema);
        assert_eq!(full(&text), text);
        assert_eq!(canonical(&text), canonical(schema));
        assert_eq!(identity(&text), identity(schema));
    }
}

#[test]
fn the_identity_tells_units_and_scales_apart() {
    let timestamp = |unit: &str| {
        identity(&format!(
            r#"{{"type": "long", "logicalType": "timestamp-{unit}"}}"#
        ))
    };
    assert_eq!(
        timestamp("millis"),
        r#"{"type":"long","logicalType":"timestamp-millis"}"#
    );
    assert_ne!(timestamp("millis"), timestamp("micros"));

    let decimal = |scale| {
        identity(&format!(
            r#"{{"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 9, "scale": {scale}}}"#
        ))
    };
    assert_eq!(
        decimal(2),
        r#"{"name":"D","type":"fixed","size":4,"logicalType":"decimal","precision":9,"scale":2}"#
    );
    assert_ne!(decimal(2), decimal(4));
}

#[test]
fn the_identity_ignores_what_does_not_change_the_meaning_of_bytes() {
    let one = r#"{"type": "record", "name": "R", "doc": "a", "x": 1, "fields": [{"name": "f", "type": "int", "default": 1}]}"#;
    let other = r#"{"type": "record", "name": "R", "aliases": ["Q"], "fields": [{"name": "f", "type": {"type": "int", "logicalType": "uuid"}}]}"#;
    assert_eq!(identity(one), identity(other));
}

#[test]
fn the_whole_text_keeps_everything() {
    let schema = r#"{"type":"record","name":"R","namespace":"n","doc":"says \"hi\"","aliases":["Q","o.P",".G"],"topic":"t","fields":[{"name":"a","doc":"A","aliases":["b"],"type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"unit":"EUR"},"default":"\u0001"},{"name":"e","type":{"type":"enum","name":"E","symbols":["X"],"default":"X","note":[1,null]},"order":"ignore"},{"name":"m","type":{"type":"map","values":"n.E","size":"big"},"default":{}},{"name":"u","type":["null",{"type":"fixed","name":"F","namespace":"","size":16,"logicalType":"uuid"}],"default":null},{"name":"g","type":["null","F"]}]}"#;
    assert_eq!(full(schema), schema);
}

#[test]
fn attributes_beside_a_reference_or_a_union_are_kept() {
    let schema = r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":["null","R"],"x":1}},{"name":"b","type":["null",{"type":"R","y":2}]}]}"#;
    assert_eq!(full(schema), schema);
}

#[test]
fn a_type_without_a_namespace_is_found_where_a_namesake_hides_it() {
    let schema = r#"{"type":"record","name":"F","fields":[{"name":"inner","type":["null",{"type":"record","name":"R","namespace":"n","fields":[{"name":"own","type":{"type":"enum","name":"F","symbols":["A"]}},{"name":"outer","type":["null",".F"]}]}]}]}"#;
    assert_eq!(full(schema), schema);
    assert!(canonical(schema).ends_with(r#"{"name":"outer","type":["null","F"]}]}]}]}"#));
}

#[test]
fn types_of_other_files_are_defined_at_their_first_use() {
    let sources = [
        Source {
            path: "a",
            text: r#"{"type": "record", "name": "n.A", "fields": [{"name": "b", "type": "B"}, {"name": "c", "type": "B"}]}"#,
        },
        Source {
            path: "b",
            text: r#"{"type": "enum", "name": "n.B", "symbols": ["X"]}"#,
        },
    ];
    let model = parse(&sources).unwrap();
    assert_eq!(
        model.to_json(&model.files[0].root),
        r#"{"type":"record","name":"A","namespace":"n","fields":[{"name":"b","type":{"type":"enum","name":"B","symbols":["X"]}},{"name":"c","type":"n.B"}]}"#
    );
}

#[test]
fn a_long_chain_of_types_does_not_need_a_deep_stack() {
    const LINKS: usize = 20_000;
    let link = |i| {
        format!(
            r#"{{"type":"record","name":"T{i}","fields":[{{"name":"next","type":["null","T{}"]}}]}}"#,
            i + 1
        )
    };
    let mut links: Vec<_> = (0..LINKS).map(link).collect();
    links.push(format!(
        r#"{{"type":"enum","name":"T{LINKS}","symbols":["END"]}}"#
    ));
    let schema = Schema::parse(&format!("[{}]", links.join(","))).unwrap();
    assert!(schema.canonical().contains("END"));
    assert!(schema.model.to_json(&schema.root).contains("END"));
}
