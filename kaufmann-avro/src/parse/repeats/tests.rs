use crate::model::{Kind, Model};
use crate::{Schema, Source, parse};

fn parsed(files: &[&str]) -> Result<Model, Vec<String>> {
    let sources = ["a", "b", "c"].into_iter().zip(files);
    let sources = sources.map(|(path, text)| Source { path, text });
    parse(&sources.collect::<Vec<_>>()).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn names(model: &Model) -> Vec<String> {
    model.types.iter().map(|named| named.name.to_string()).collect()
}

/// A record `n.<name>` that has a field of this type.
fn holder(name: &str, ty: &str) -> String {
    format!(r#"{{"type": "record", "name": "n.{name}", "fields": [{{"name": "f", "type": {ty}}}]}}"#)
}

/// The errors of two files with these definitions of a type.
#[track_caller]
fn differ(first: &str, second: &str) -> String {
    let mut errors = parsed(&[&holder("A", first), &holder("B", second)]).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn equal_definitions_in_several_files_are_one_type() {
    let source =
        r#"{"type": "record", "name": "Source", "fields": [{"name": "ts", "type": "long", "default": 0}]}"#;
    // Docs, attributes, the order of keys, the spelling of the namespace and aliases may differ.
    let other = r#"{"fields": [{"default": 0, "doc": "When.", "type": {"type": "long", "connect.version": 1}, "name": "ts"}],
        "connect.name": "x", "doc": "Whence.", "namespace": "n", "name": "Source", "type": "record", "aliases": ["Origin"]}"#;
    let model = parsed(&[
        &holder("A", source),
        &holder("B", other),
        &holder("C", "\"Source\""),
    ])
    .unwrap();
    assert_eq!(names(&model), ["n.A", "n.Source", "n.B", "n.C"]);
    for file in &model.files {
        assert!(
            model.to_json(&file.root).contains(r#""name":"Source""#),
            "{}",
            file.path
        );
    }
    assert_eq!(model.types[1].aliases[0].to_string(), "n.Origin");
}

#[test]
fn equal_enums_and_fixed_are_one_type_too() {
    let all = r#"[{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"},
        {"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}]"#;
    let model = parsed(&[&holder("A", all), &holder("B", all)]).unwrap();
    assert_eq!(names(&model), ["n.A", "n.E", "n.F", "n.B"]);
}

#[test]
fn the_definition_at_the_top_of_a_file_stands_for_the_type() {
    let nested = r#"{"type": "record", "name": "Order", "fields": [], "topic": "copied"}"#;
    let top = r#"{"type": "record", "name": "n.Order", "fields": [], "topic": "orders", "doc": "An order."}"#;
    for files in [
        [holder("A", nested), top.to_owned()],
        [top.to_owned(), holder("A", nested)],
    ] {
        let model = parsed(&[&files[0], &files[1]]).unwrap();
        let order = model.get(model.find("n.Order").unwrap());
        assert_eq!(order.doc.as_deref(), Some("An order."));
        assert_eq!(order.attributes.get("topic").unwrap().value, "orders");
    }
}

#[test]
fn equal_definitions_may_refer_to_each_other_in_circles() {
    let tree = r#"{"type": "record", "name": "n.Tree", "fields": [{"name": "of", "type": {"type": "array", "items":
        {"type": "record", "name": "Branch", "fields": [{"name": "tree", "type": ["null", "Tree"]}]}}}]}"#;
    let branch = r#"{"type": "record", "name": "n.Branch", "fields": [{"name": "tree", "type": ["null",
        {"type": "record", "name": "Tree", "fields": [{"name": "of", "type": {"type": "array", "items": "Branch"}}]}]}]}"#;
    let model = parsed(&[tree, branch]).unwrap();
    assert_eq!(names(&model), ["n.Tree", "n.Branch"]);
}

#[test]
fn definitions_that_differ_say_in_what_and_where() {
    let fixed = |rest: &str| format!(r#"{{"type": "fixed", "name": "T", {rest}}}"#);
    assert_eq!(
        differ(&fixed("\"size\": 1"), &fixed("\"size\": 2")),
        "b:1:94: `n.T` is defined differently at a:1:94: its size is 1 at a:1:94, but 2 at b:1:94; make the two equal (docs and \
         attributes may differ), or rename one of them"
    );
    let record = |fields: &str| format!(r#"{{"type": "record", "name": "T", "fields": [{fields}]}}"#);
    let field = |ty: &str| record(&format!(r#"{{"name": "x", "type": {ty}}}"#));
    let what = |first: &str, second: &str| {
        let text = differ(first, second);
        let difference = text.split_once("differently at ").unwrap().1;
        let difference = difference.split_once(": ").unwrap().1;
        let difference = difference.split_once("; make the two").unwrap().0;
        let parts = difference.split(", but ");
        let parts = parts.map(|part| part.rsplit_once(" at ").unwrap().0);
        parts.collect::<Vec<_>>().join(", but ")
    };
    let enumeration = |rest: &str| format!(r#"{{"type": "enum", "name": "T", {rest}}}"#);
    let table = [
        (
            field("\"int\""),
            fixed("\"size\": 1"),
            "it is a record, but a fixed",
        ),
        (
            field("\"int\""),
            field("\"long\""),
            "the type of the field `x` is `int`, but `long`",
        ),
        (
            field("\"int\""),
            field("[\"null\", \"int\"]"),
            "the type of the field `x` is `int`, but `[\"null\", \"int\"]`",
        ),
        (
            field(r#"{"type": "array", "items": {"type": "map", "values": "int"}}"#),
            field(r#"{"type": "array", "items": {"type": "map", "values": "string"}}"#),
            "the type of the field `x` is `int`, but `string`",
        ),
        (
            field(r#"{"type": "long", "logicalType": "timestamp-millis"}"#),
            field(r#"{"type": "long", "logicalType": "timestamp-micros"}"#),
            "the type of the field `x` is `long (timestamp-millis)`, but `long (timestamp-micros)`",
        ),
        (
            field(r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}"#),
            field(r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4}"#),
            "the type of the field `x` is `bytes (decimal(9, 2))`, but `bytes (decimal(9, 4))`",
        ),
        (
            fixed(r#""size": 12, "logicalType": "duration""#),
            fixed(r#""size": 12"#),
            "its logical type is `duration`, but missing",
        ),
        (
            field("\"int\""),
            record(""),
            "the field `x` is defined, but missing",
        ),
        (
            record(""),
            field("\"int\""),
            "the field `x` is missing, but defined",
        ),
        (
            record(r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int"}"#),
            record(r#"{"name": "y", "type": "int"}, {"name": "x", "type": "int"}"#),
            "field 1 is `x`, but `y`",
        ),
        (
            record(r#"{"name": "x", "type": "int", "default": 1}"#),
            field("\"int\""),
            "the default of the field `x` is `1`, but missing",
        ),
        (
            record(r#"{"name": "x", "type": ["null", "int"], "default": null}"#),
            record(r#"{"name": "x", "type": ["null", "int"], "default": 1}"#),
            "the default of the field `x` is `null`, but `1`",
        ),
        (
            record(r#"{"name": "x", "type": "int", "aliases": ["old"]}, {"name": "y", "type": "int"}"#),
            record(r#"{"name": "x", "type": "int"}, {"name": "y", "type": "int", "aliases": ["old"]}"#),
            "`old` is a name of the field `x`, but of the field `y`",
        ),
        (
            enumeration(r#""symbols": ["A", "B"]"#),
            enumeration(r#""symbols": ["A", "C"]"#),
            "symbol 2 is `B`, but `C`",
        ),
        (
            enumeration(r#""symbols": ["A"]"#),
            enumeration(r#""symbols": ["A", "C"]"#),
            "the symbol `C` is missing, but defined",
        ),
        (
            enumeration(r#""symbols": ["A"], "default": "A""#),
            enumeration(r#""symbols": ["A"]"#),
            "its default is `A`, but missing",
        ),
    ];
    for (first, second, expected) in table {
        assert_eq!(what(&first, &second), expected);
    }
}

#[test]
fn a_type_is_defined_once_in_a_file() {
    let twice = r#"[{"type": "fixed", "name": "n.F", "size": 1}, {"type": "record", "name": "n.R", "fields": [
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 1}}]}]"#;
    assert_eq!(
        parsed(&[twice]).unwrap_err(),
        ["a:2:57: `n.F` is already defined at a:1:28; define it once and refer to it by its name"]
    );
}

#[test]
fn a_writers_schema_may_repeat_a_type() {
    let part = r#"{"type": "fixed", "name": "F", "size": 1}"#;
    let twice = format!(
        r#"{{"type": "record", "name": "n.R", "fields": [{{"name": "f", "type": {part}}}, {{"name": "g", "type": {part}}}]}}"#
    );
    let schema = Schema::parse(&twice).unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"name":"n.R","type":"record","fields":[{"name":"f","type":{"name":"n.F","type":"fixed","size":1}},{"name":"g","type":"n.F"}]}"#
    );
    let reference = Source {
        path: "reference",
        text: r#"{"type": "fixed", "name": "n.F", "size": 1}"#,
    };
    let schema = Schema::parse_with(&holder("A", part), &[reference]).unwrap();
    assert!(matches!(schema.root.kind, Kind::Named(_)));
    let other = Source {
        path: "reference",
        text: r#"{"type": "fixed", "name": "n.F", "size": 2}"#,
    };
    let errors = Schema::parse_with(&holder("A", part), &[other]).unwrap_err();
    assert!(
        errors[0].to_string().contains("its size is 2 at reference:1:27"),
        "{}",
        errors[0]
    );
}
