use serde_json::json;

use crate::model::{Definition, Field, Kind, Logical, Model, Node, TypeId};
use crate::{Schema, Source, parse, parse_str};

fn model(text: &str) -> Model {
    parse_str(text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn root(text: &str) -> Node {
    model(text).files[0].root.clone()
}

/// The errors of one text, each as `line:column: message`.
fn errors(text: &str) -> Vec<String> {
    let errors = parse_str(text).expect_err("the schema has a mistake");
    errors
        .iter()
        .map(|error| error.to_string().replacen("<schema>:", "", 1))
        .collect()
}

/// The errors of files `a`, `b`, …
fn errors_of(texts: &[&str]) -> Vec<String> {
    let names = ["a", "b", "c"];
    let sources: Vec<_> = names
        .iter()
        .zip(texts)
        .map(|(path, text)| Source { path, text })
        .collect();
    parse(&sources)
        .expect_err("the schemas have a mistake")
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn fields(model: &Model, name: &str) -> Vec<Field> {
    match &model.get(model.find(name).unwrap()).definition {
        Definition::Record(fields) => fields.clone(),
        other => panic!("{other:?}"),
    }
}

/// A record `R` with one field `f` of this type.
fn record_of(ty: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", "type": {ty}}}]}}"#)
}

fn with_default(ty: &str, default: &str) -> String {
    format!(
        r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", "type": {ty}, "default": {default}}}]}}"#
    )
}

#[test]
fn every_primitive_is_a_name_and_an_object() {
    for name in super::names::PRIMITIVES {
        let plain = root(&format!("\"{name}\""));
        let object = root(&format!(r#"{{"type": "{name}"}}"#));
        assert_eq!(plain.kind, object.kind);
        assert_eq!(Model::default().type_name(&plain.kind), name);
    }
}

#[test]
fn names_are_qualified_by_their_dots_then_their_namespace_then_the_enclosing_one() {
    let model = model(
        r#"{"type": "record", "name": "Outer", "namespace": "a.b", "aliases": ["Old", "x.Older", ".Oldest"], "fields": [
            {"name": "inherits", "type": {"type": "fixed", "name": "F1", "size": 1}},
            {"name": "own", "type": {"type": "fixed", "name": "F2", "namespace": "c", "size": 1}},
            {"name": "dotted", "type": {"type": "fixed", "name": "d.e.F3", "namespace": "ignored", "size": 1}},
            {"name": "none", "type": {"type": "record", "name": "F4", "namespace": "", "fields": [
                {"name": "inner", "type": {"type": "fixed", "name": "F5", "size": 1}}]}},
            {"name": "by_simple", "type": "F1"},
            {"name": "by_full", "type": "a.b.F1"},
            {"name": "by_global", "type": "F5"},
            {"name": "itself", "type": ["null", "Outer"]}]}"#,
    );
    let names: Vec<_> = model.types.iter().map(|named| named.name.to_string()).collect();
    assert_eq!(names, ["a.b.Outer", "a.b.F1", "c.F2", "d.e.F3", "F4", "F5"]);
    let aliases: Vec<_> = model.types[0].aliases.iter().map(ToString::to_string).collect();
    assert_eq!(aliases, ["a.b.Old", "x.Older", "Oldest"]);
    let kinds: Vec<_> = fields(&model, "a.b.Outer")
        .iter()
        .skip(4)
        .map(|field| field.node.kind.clone())
        .collect();
    assert_eq!(
        kinds[..3],
        [
            Kind::Named(TypeId(1)),
            Kind::Named(TypeId(1)),
            Kind::Named(TypeId(5))
        ]
    );
}

#[test]
fn a_name_in_the_enclosing_namespace_hides_the_one_without() {
    let model = model(
        r#"[{"type": "fixed", "name": "X", "size": 1},
            {"type": "fixed", "name": "n.X", "size": 2},
            {"type": "record", "name": "n.R", "fields": [{"name": "f", "type": "X"}]}]"#,
    );
    assert_eq!(fields(&model, "n.R")[0].node.kind, Kind::Named(TypeId(1)));
}

#[test]
fn files_refer_to_each_other_in_any_order_and_in_cycles() {
    let sources = [
        Source {
            path: "a",
            text: r#"{"type": "record", "name": "n.A", "fields": [{"name": "b", "type": {"type": "array", "items": "B"}}]}"#,
        },
        Source {
            path: "b",
            text: r#"{"type": "record", "name": "n.B", "fields": [{"name": "a", "type": "n.A"}]}"#,
        },
        Source {
            path: "c",
            text: r#"["null", "n.A"]"#,
        },
    ];
    let model = parse(&sources).unwrap();
    assert_eq!(model.types.len(), 2);
    assert_eq!(fields(&model, "n.B")[0].node.kind, Kind::Named(TypeId(0)));
    assert_eq!(model.files[2].path, "c");
}

#[test]
fn everything_in_a_definition_is_kept_with_its_place() {
    let model = model(
        "{\"type\": \"record\", \"name\": \"R\", \"doc\": \"a record\", \"event\": \"r.made\",\n \"fields\": [\n  \
         {\"doc\": \"é\", \"name\": \"f\", \"aliases\": [\"g\"], \"type\": \"int\", \"default\": 7, \"unit\": {\"x\": [1]}}\n ]}",
    );
    let record = &model.types[0];
    assert_eq!(record.doc.as_deref(), Some("a record"));
    assert_eq!(model.locate(record.at), "<schema>:1:28");
    let event = record.attributes.get("event").unwrap();
    assert_eq!(
        (&event.value, model.locate(event.at)),
        (&json!("r.made"), "<schema>:1:61".to_owned())
    );
    let field = &fields(&model, "R")[0];
    assert_eq!(
        (field.doc.as_deref(), field.aliases.as_slice()),
        (Some("é"), ["g".to_owned()].as_slice())
    );
    assert_eq!(
        (
            &field.default,
            field.attributes.get("unit").unwrap().value.clone()
        ),
        (&Some(json!(7)), json!({"x": [1]}))
    );
    assert_eq!(model.locate(field.at), "<schema>:3:24");
}

#[test]
fn every_logical_type_is_found_on_its_base() {
    let cases = [
        ("int", "date", Logical::Date),
        ("int", "time-millis", Logical::TimeMillis),
        ("long", "time-micros", Logical::TimeMicros),
        ("long", "timestamp-millis", Logical::TimestampMillis),
        ("long", "timestamp-micros", Logical::TimestampMicros),
        ("long", "timestamp-nanos", Logical::TimestampNanos),
        ("long", "local-timestamp-millis", Logical::LocalTimestampMillis),
        ("long", "local-timestamp-micros", Logical::LocalTimestampMicros),
        ("long", "local-timestamp-nanos", Logical::LocalTimestampNanos),
        ("string", "uuid", Logical::Uuid),
        ("bytes", "big-decimal", Logical::BigDecimal),
    ];
    for (base, name, expected) in cases {
        let node = root(&format!(r#"{{"type": "{base}", "logicalType": "{name}"}}"#));
        assert_eq!((node.logical, node.attributes.0.len()), (Some(expected), 0));
        assert_eq!(expected.name(), name);
    }
    let decimal = root(r#"{"type": "bytes", "logicalType": "decimal", "precision": 4, "unit": "EUR"}"#);
    assert_eq!(
        decimal.logical,
        Some(Logical::Decimal {
            precision: 4,
            scale: 0
        })
    );
    assert_eq!(decimal.attributes.0.len(), 1);
}

#[test]
fn a_fixed_has_logical_types_of_its_own() {
    let logical = |size: usize, keys: &str| {
        model(&format!(
            r#"{{"type": "fixed", "name": "F", "size": {size}, {keys}}}"#
        ))
        .types[0]
            .logical
    };
    assert_eq!(logical(16, r#""logicalType": "uuid""#), Some(Logical::Uuid));
    assert_eq!(
        logical(12, r#""logicalType": "duration""#),
        Some(Logical::Duration)
    );
    let decimal = |size, precision| {
        logical(
            size,
            &format!(r#""logicalType": "decimal", "precision": {precision}"#),
        )
    };
    for (size, most) in [(1, 2), (2, 4), (4, 9), (8, 18), (12, 28), (16, 38), (32, 76)] {
        assert_eq!(
            decimal(size, most),
            Some(Logical::Decimal {
                precision: most,
                scale: 0
            })
        );
        assert_eq!(decimal(size, most + 1), None);
    }
}

#[test]
fn a_logical_type_that_does_not_fit_is_an_attribute() {
    for (ty, keys) in [
        ("int", r#""logicalType": "timestamp-millis""#),
        ("string", r#""logicalType": "decimal", "precision": 4"#),
        ("bytes", r#""logicalType": "decimal""#),
        ("bytes", r#""logicalType": "decimal", "precision": 0"#),
        ("bytes", r#""logicalType": "decimal", "precision": 2, "scale": 3"#),
        (
            "bytes",
            r#""logicalType": "decimal", "precision": 2, "scale": -1"#,
        ),
        ("bytes", r#""logicalType": "decimal", "precision": "2""#),
        ("bytes", r#""logicalType": "uuid""#),
        ("long", r#""logicalType": "no-such""#),
        ("long", r#""logicalType": 7"#),
    ] {
        let node = root(&format!(r#"{{"type": "{ty}", {keys}}}"#));
        assert_eq!(node.logical, None, "{keys}");
        assert!(node.attributes.get("logicalType").is_some(), "{keys}");
    }
    let fixed = model(r#"{"type": "fixed", "name": "F", "size": 11, "logicalType": "duration"}"#);
    assert!(fixed.types[0].logical.is_none() && fixed.types[0].attributes.get("logicalType").is_some());
}

#[test]
fn a_type_in_the_place_of_a_name_keeps_the_attributes_of_both() {
    let node = root(r#"{"type": {"type": "int", "a": 1}, "logicalType": "date", "b": 2}"#);
    assert_eq!((node.kind, node.logical), (Kind::Int, Some(Logical::Date)));
    assert_eq!(
        node.attributes
            .0
            .iter()
            .map(|a| a.key.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn error_is_another_word_for_record_and_comments_are_allowed() {
    let model = model("// why\n{\"type\": \"error\", \"name\": \"E\", \"fields\": [] /* none */}");
    assert!(matches!(model.types[0].definition, Definition::Record(_)));
}

#[test]
fn an_order_is_kept_unless_it_is_the_default() {
    let order = |order: &str| {
        let model =
            model(&record_of("\"int\"").replace("\"f\",", &format!("\"f\", \"order\": \"{order}\",")));
        fields(&model, "R")[0]
            .attributes
            .get("order")
            .map(|attribute| attribute.value.clone())
    };
    assert_eq!(order("ascending"), None);
    assert_eq!(order("descending"), Some(json!("descending")));
    assert_eq!(
        errors(&record_of("\"int\"").replace("\"f\",", "\"f\", \"order\": 1,")),
        ["1:67: `order` must be \"ascending\", \"descending\" or \"ignore\", found a number"]
    );
}

#[test]
fn text_that_is_not_json_is_an_error_at_its_place() {
    assert_eq!(errors(""), ["1:1: the file is empty, expected a schema"]);
    assert_eq!(errors("{\n  \"type\": \"record\",\n  'name': 1}").len(), 1);
    assert!(errors("{\n  \"type\": \"record\",\n  'name': 1}")[0].starts_with("3:3: not valid JSON: "));
    assert!(errors("[\"int\",]")[0].starts_with("1:"));
    assert!(errors("\"int\" \"long\"")[0].starts_with("1:7: not valid JSON"));
    assert!(errors("{\"type\": 1e999}")[0].contains("is not a number"));
}

#[test]
fn nesting_without_end_is_an_error_and_not_a_crash() {
    for text in [
        "[".repeat(100_000),
        "{\"type\":".repeat(100_000),
        "{\"type\":\"array\",\"items\":".repeat(100_000),
    ] {
        assert!(errors(&text)[0].contains("not valid JSON"));
    }
}

#[test]
fn the_deepest_nesting_that_is_read_is_also_built() {
    let array = |depth: usize| {
        format!(
            "{}\"int\"{}",
            r#"{"type":"array","items":"#.repeat(depth),
            "}".repeat(depth)
        )
    };
    let wrapped = |depth: usize| format!("{}\"int\"{}", r#"{"type":"#.repeat(depth), "}".repeat(depth));
    let record = |depth: usize| {
        let open = |i| format!(r#"{{"type":"record","name":"R{i}","fields":[{{"name":"f","type":"#);
        format!(
            "{}\"int\"{}",
            (0..depth).map(open).collect::<String>(),
            "}]}".repeat(depth)
        )
    };
    for nested in [&array as &dyn Fn(usize) -> String, &wrapped, &record] {
        let deepest = (1..600)
            .take_while(|depth| parse_str(&nested(*depth)).is_ok())
            .last()
            .unwrap();
        assert!(deepest > 50, "{deepest}");
        let model = model(&nested(deepest));
        let text = model.to_json(&model.files[0].root);
        assert_eq!(
            model.canonical(&model.files[0].root),
            self::model(&text).canonical(&model.files[0].root)
        );
    }
}

#[test]
fn a_key_twice_names_both_places() {
    assert_eq!(
        errors("{\"type\": \"int\",\n \"type\": \"long\"}"),
        ["2:2: the key `type` is already used at <schema>:1:2"]
    );
}

#[test]
fn what_is_no_type_is_named() {
    assert_eq!(
        errors("7"),
        ["1:1: expected a type (a name, an object or a union's array), found a number"]
    );
    assert_eq!(
        errors("[null]"),
        ["1:2: expected a type (a name, an object or a union's array), found null"]
    );
    assert_eq!(errors("{}"), ["1:1: a type needs the attribute `type`"]);
    assert_eq!(
        errors(r#"{"type": "array"}"#),
        ["1:1: an array needs the attribute `items`"]
    );
    assert_eq!(
        errors(r#"{"type": "map"}"#),
        ["1:1: a map needs the attribute `values`"]
    );
    assert_eq!(
        errors(r#"{"type": "record", "name": "R"}"#),
        ["1:1: the record `R` needs the attribute `fields`"]
    );
    assert_eq!(
        errors(r#"{"type": "enum", "name": "E"}"#),
        ["1:1: the enum `E` needs the attribute `symbols`"]
    );
    assert_eq!(
        errors(r#"{"type": "fixed", "name": "F"}"#),
        ["1:1: the fixed `F` needs the attribute `size`"]
    );
    assert_eq!(
        errors(r#"{"type": "fixed", "size": 1}"#),
        ["1:1: a fixed needs the attribute `name`"]
    );
    assert_eq!(
        errors(r#"{"type": "fixed", "name": 1, "size": 1}"#),
        ["1:27: `name` must be a string, found a number"]
    );
}

#[test]
fn a_misspelt_type_is_recognised() {
    assert_eq!(
        errors(&record_of("\"strng\"")),
        ["1:66: field `f` has unknown type `strng`, did you mean `string`?"]
    );
    assert_eq!(errors("\"xyzzy\""), ["1:1: unknown type `xyzzy`"]);
    for (word, meant) in [
        ("Integer", "int"),
        ("bool", "boolean"),
        ("int64", "long"),
        ("text", "string"),
    ] {
        let found = errors(&format!("\"{word}\""));
        assert_eq!(
            found,
            [format!("1:1: unknown type `{word}`, did you mean `{meant}`?")]
        );
    }
    let elsewhere = [
        r#"{"type": "fixed", "name": "shop.Address", "size": 1}"#,
        r#"{"type": "record", "name": "crm.User", "fields": [{"name": "home", "type": "Address"}, {"name": "f", "type": "Usr"}]}"#,
    ];
    assert_eq!(
        errors_of(&elsewhere),
        [
            "b:1:76: field `home` has unknown type `Address`, did you mean `shop.Address`?",
            "b:1:110: field `f` has unknown type `Usr`, did you mean `User`?",
        ]
    );
}

#[test]
fn a_complex_type_by_its_bare_name_is_explained() {
    assert_eq!(
        errors(&record_of("\"array\"")),
        [r#"1:66: `array` is not a type by itself, write {"type": {"type": "array", "items": …}}"#]
    );
    assert_eq!(
        errors("\"union\""),
        [r#"1:1: a union is written as the array of its branches: ["null", …]"#]
    );
}

#[test]
fn names_that_the_specification_does_not_allow_are_errors() {
    let invalid = |name: &str| errors(&format!(r#"{{"type": "fixed", "name": "{name}", "size": 1}}"#));
    for name in ["", "a-b", "1a", "a..b", "a.", "é", "a b", ".", "1.a"] {
        let expected = format!(
            "1:27: `{}` cannot name a fixed: a name has letters, digits and underscores, and does not begin with a digit",
            name.strip_prefix('.').unwrap_or(name)
        );
        let errors = invalid(name);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with(&expected), "{}", errors[0]);
    }
    for name in ["_", "a1", "_.a", "A.b_2.c"] {
        model(&format!(r#"{{"type": "fixed", "name": "{name}", "size": 1}}"#));
    }
    assert_eq!(
        invalid("n.int"),
        ["1:27: `int` is the name of a primitive type, choose another name"]
    );
    assert!(
        errors(r#"{"type": "fixed", "name": "F", "namespace": "a-b", "size": 1}"#)[0].contains("`a-b.F`")
    );
    assert!(
        errors(r#"{"type": "enum", "name": "E", "symbols": ["A B"]}"#)[0]
            .starts_with("1:43: `A B` cannot name a symbol")
    );
    assert!(
        errors(&record_of("\"int\"").replace("\"f\"", "\"f-g\""))[0].contains("`f-g` cannot name a field")
    );
}

#[test]
fn a_name_that_others_may_write_is_refused_with_the_alias_that_reads_it() {
    let remedy = |text: &str| {
        let mut errors = errors(text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let error = errors.remove(0);
        error
            .split_once("does not begin with a digit")
            .unwrap()
            .1
            .to_owned()
    };
    assert_eq!(
        remedy(r#"{"type": "record", "name": "orders", "namespace": "abc-123", "fields": []}"#),
        "; rename it here, and if others write it under this name, keep it as an alias: \"aliases\": [\"abc-123.orders\"] \
         (for an event \"event\": \"abc-123.orders\" does too)"
    );
    assert_eq!(
        remedy(&record_of("\"int\"").replace("\"f\"", "\"f-g\"")),
        "; rename it here, and if others write it under this name, keep it as an alias: \"aliases\": [\"f-g\"]"
    );
    assert_eq!(remedy(r#"{"type": "enum", "name": "E", "symbols": ["A B"]}"#), "");
}

#[test]
fn an_alias_may_be_any_text() {
    let model = model(
        r#"{"type": "record", "name": "acct.hello", "aliases": ["old-hello", "acct-svc.eu-1.opened", ".é", "1 2"], "fields": [
            {"name": "detail_type", "aliases": ["detail-type", "", "détail"], "type":
                {"type": "enum", "name": "Kind", "aliases": ["kind-of"], "symbols": ["A"]}}]}"#,
    );
    let aliases = model.types[0].aliases.iter().map(ToString::to_string);
    assert_eq!(
        aliases.collect::<Vec<_>>(),
        ["acct.old-hello", "acct-svc.eu-1.opened", "é", "acct.1 2"]
    );
    assert_eq!(
        fields(&model, "acct.hello")[0].aliases,
        ["detail-type", "", "détail"]
    );
    assert_eq!(model.types[1].aliases[0].to_string(), "acct.kind-of");
}

#[test]
fn duplicates_within_a_type_name_both_places() {
    assert_eq!(
        errors(
            r#"{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "f", "type": "long"}]}"#
        ),
        ["1:83: the record `R` already has a field `f` at <schema>:1:53"]
    );
    assert_eq!(
        errors(r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#),
        ["1:48: the enum `E` already has the symbol `A` at <schema>:1:43"]
    );
    assert_eq!(
        errors(
            r#"{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "g", "aliases": ["f"], "type": "int"}]}"#
        ),
        ["1:83: the alias `f` of the field `g` also belongs to the field `f`"]
    );
}

#[test]
fn a_union_has_each_branch_once() {
    assert_eq!(
        errors(r#"["int", {"type": "int"}]"#),
        ["1:9: the union already has the branch `int` at <schema>:1:2"]
    );
    assert_eq!(
        errors(r#"[{"type": "array", "items": "int"}, {"type": "array", "items": "long"}]"#),
        ["1:37: the union already has the branch `array` at <schema>:1:2"]
    );
    assert_eq!(
        errors(r#"[{"type": "fixed", "name": "F", "size": 1}, "F"]"#),
        ["1:45: the union already has the branch `F` at <schema>:1:2"]
    );
    model(r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "G", "size": 1}]"#);
    model("[]");
}

#[test]
fn a_union_holds_no_union() {
    let expected = "a union cannot contain a union, list its branches in the outer one";
    assert_eq!(errors(r#"["null", ["int"]]"#), [format!("1:10: {expected}")]);
    assert_eq!(errors(r#"[{"type": ["int"]}]"#), [format!("1:2: {expected}")]);
}

#[test]
fn a_size_is_a_whole_number() {
    for size in ["-1", "1.5", "\"1\"", "2147483648", "null", "1e3"] {
        let found = errors(&format!(r#"{{"type": "fixed", "name": "F", "size": {size}}}"#));
        assert_eq!(found.len(), 1, "{size}");
        assert!(
            found[0].starts_with("1:40: `size` must be an integer from 0 to 2147483647, found "),
            "{found:?}"
        );
    }
    model(r#"{"type": "fixed", "name": "F", "size": 0}"#);
}

#[test]
fn a_record_that_always_contains_itself_is_an_error() {
    assert_eq!(
        errors(&record_of("\"R\"")),
        [
            "1:28: the record `R` always contains itself (`R.f`); make one of these fields a union with null, an array or a map"
        ]
    );
    let circle = [
        r#"{"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}, {"name": "b", "type": ["B"]}]}"#,
        r#"{"type": "record", "name": "B", "fields": [{"name": "a", "type": ["A", "B"]}]}"#,
        r#"{"type": "record", "name": "C", "fields": [{"name": "a", "type": "A"}]}"#,
    ];
    assert_eq!(
        errors_of(&circle),
        [
            "a:1:28: the record `A` always contains itself (`A.b` → `B.a`); make one of these fields a union with null, an array or a map"
        ]
    );
    for ty in [
        r#"["null", "R"]"#,
        r#"["R", "int"]"#,
        r#"{"type": "array", "items": "R"}"#,
        r#"{"type": "map", "values": "R"}"#,
    ] {
        model(&record_of(ty));
    }
}

#[test]
fn defaults_that_fit_are_kept() {
    for (ty, default) in [
        ("\"null\"", "null"),
        ("\"boolean\"", "true"),
        ("\"int\"", "-2147483648"),
        ("\"long\"", "9223372036854775807"),
        ("\"float\"", "1"),
        ("\"double\"", "\"NaN\""),
        ("\"bytes\"", "\"\\u00ff\""),
        ("\"string\"", "\"é\""),
        (r#"{"type": "array", "items": "int"}"#, "[1]"),
        (r#"{"type": "map", "values": "int"}"#, r#"{"a": 1}"#),
        (r#"{"type": "fixed", "name": "F", "size": 2}"#, "\"ab\""),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, "\"A\""),
        (r#"["null", "int"]"#, "null"),
        (r#"["null", "int"]"#, "1"),
        (r#"{"type": "int", "logicalType": "date"}"#, "1"),
        (
            r#"{"type": "array", "items": ["null", "R"]}"#,
            "[null, {\"f\": []}]",
        ),
    ] {
        let model = model(&with_default(ty, default));
        let expected = serde_json::from_str(default).unwrap();
        assert_eq!(fields(&model, "R")[0].default, Some(expected), "{ty}");
    }
}

#[test]
fn defaults_that_do_not_fit_are_errors_at_their_place() {
    let reason = |ty: &str, default: &str| {
        let text = with_default(ty, default);
        let column = text.find("\"default\": ").unwrap() + 12;
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{found:?}");
        let start = format!("1:{column}: the default of the field `f` does not fit its type: ");
        found[0]
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{}", found[0]))
            .to_owned()
    };
    assert_eq!(
        reason("\"int\"", "\"1\""),
        "expected an int, found the string \"1\""
    );
    assert_eq!(
        reason("\"int\"", "1.0"),
        "expected an int (32 bits), found the number 1.0"
    );
    assert_eq!(
        reason("\"int\"", "2147483648"),
        "expected an int (32 bits), found the number 2147483648"
    );
    assert_eq!(reason("\"string\"", "null"), "expected a string, found null");
    assert_eq!(
        reason(r#"["int", "string"]"#, "null"),
        "expected one of `int`, `string`, found null"
    );
    assert_eq!(
        reason(r#"["null", "int"]"#, r#"{"int": 1}"#),
        "expected an int, found an object"
    );
    assert_eq!(
        reason("\"bytes\"", "\"€\""),
        "expected a string of code points from 0 to 255, found the string \"€\""
    );
    assert_eq!(
        reason(r#"{"type": "fixed", "name": "F", "size": 2}"#, "\"abc\""),
        "expected a string of 2 code points from 0 to 255 (the fixed `F`), found the string \"abc\""
    );
    assert_eq!(
        reason(
            r#"{"type": "enum", "name": "E", "symbols": ["ALPHA"]}"#,
            "\"ALPA\""
        ),
        "`E` has no symbol `ALPA`, did you mean `ALPHA`?"
    );
    assert_eq!(
        reason(
            r#"{"type": "record", "name": "S", "fields": [{"name": "x", "type": "int"}]}"#,
            "{}"
        ),
        "the field `x` of `S` is missing and has no default"
    );
    assert_eq!(
        reason(
            r#"{"type": "array", "items": {"type": "map", "values": "int"}}"#,
            r#"[{}, {"k": "v"}]"#
        ),
        "at `[1][\"k\"]`: expected an int, found the string \"v\""
    );
    assert_eq!(
        reason(r#"{"type": "int", "logicalType": "date"}"#, "\"2026-01-31\""),
        "expected an int, found the string \"2026-01-31\""
    );
    assert_eq!(
        reason(r#"{"type": "string", "logicalType": "uuid"}"#, "\"x\""),
        "expected a UUID, found the string \"x\""
    );
}

#[test]
fn a_default_that_contains_itself_is_an_error() {
    let found = errors(&with_default(r#"["R", "null"]"#, "{}"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("its type: values of recursive types nest deeper than 64"),
        "{found:?}"
    );
}

#[test]
fn an_enums_default_is_a_symbol() {
    assert_eq!(
        errors(r#"{"type": "enum", "name": "E", "symbols": ["RED", "BLUE"], "default": "BLU"}"#),
        ["1:70: the default of the enum `E` is not one of its symbols: `BLU`, did you mean `BLUE`?"]
    );
}

#[test]
fn all_mistakes_of_all_files_are_reported_in_order() {
    let texts = [
        "{\"type\": \"record\", \"name\": \"A\", \"fields\": [\n {\"name\": \"x\", \"type\": \"itn\"},\n {\"type\": \"int\"},\n {\"name\": \"y\", \"type\": \"int\", \"default\": \"z\"}]}",
        r#"{"type": "record", "name": "B""#,
        r#"{"type": "record", "name": "C", "doc": 1, "fields": [{"name": "b", "type": "B"}, {"name": "i", "type": "Int"},
            {"name": "d", "type": "Unknown"}]}"#,
    ];
    let found = errors_of(&texts);
    let starts: Vec<_> = found
        .iter()
        .map(|error| error.split(": ").take(2).collect::<Vec<_>>().join(": "))
        .collect();
    assert_eq!(
        starts,
        [
            "a:2:24: field `x` has unknown type `itn`, did you mean `int`?",
            "a:3:2: a field of the record `A` needs the attribute `name`",
            "a:4:42: the default of the field `y` does not fit its type",
            "b:1:1: not valid JSON",
            "c:1:40: `doc` must be a string, found a number",
            // `B` may well be what the unreadable file defines, but nothing in it is called `Unknown`.
            "c:1:104: field `i` has unknown type `Int`, did you mean `int`?",
            "c:2:35: field `d` has unknown type `Unknown`",
        ]
    );
}

#[test]
fn a_mistake_in_a_type_is_not_reported_again_by_its_users() {
    let text = r#"[{"type": "record", "name": "A", "fields": [{"name": "x", "type": "nothing"}]},
        {"type": "record", "name": "B", "fields": [{"name": "a", "type": "A", "default": {"x": 1}}]}]"#;
    assert_eq!(errors(text), ["1:67: field `x` has unknown type `nothing`"]);
}

#[test]
fn a_writers_schema_may_have_mistakes_that_leave_its_records_readable() {
    let text = r#"{"type": "record", "name": "Größe", "doc": 1, "fields": [
        {"name": "f-g", "type": "int", "default": "x", "order": "?"},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}}]}"#;
    assert_eq!(errors(text).len(), 6);
    let schema = Schema::parse(text).unwrap();
    assert_eq!(schema.name().unwrap().to_string(), "Größe");
    assert!(Schema::parse("\"strng\"").is_err());
    assert_eq!(Schema::parse("\"int\"").unwrap().name(), None);
}

#[test]
fn a_schema_may_have_references() {
    let address = Source {
        path: "address",
        text: r#"{"type": "fixed", "name": "Address", "size": 4}"#,
    };
    let schema = Schema::parse_with(&record_of("\"Address\""), &[address]).unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"name":"R","type":"record","fields":[{"name":"f","type":{"name":"Address","type":"fixed","size":4}}]}"#
    );
    assert_eq!(schema.fingerprint(), crate::crc64(schema.canonical().as_bytes()));
}

#[test]
fn the_least_length_is_that_of_the_shortest_value() {
    for (ty, expected) in [
        ("\"null\"", 0),
        ("\"double\"", 8),
        (r#"["int", "double"]"#, 2),
        (r#"["double"]"#, 9),
        (r#"{"type": "array", "items": "double"}"#, 1),
        (r#"{"type": "fixed", "name": "F", "size": 3}"#, 3),
        (
            r#"{"type": "record", "name": "S", "fields": [{"name": "a", "type": "float"}, {"name": "b", "type": ["null", "R"]}]}"#,
            5,
        ),
    ] {
        let model = model(&record_of(ty));
        assert_eq!(model.min_len(&model.files[0].root), expected, "{ty}");
    }
}

#[test]
fn a_logical_type_is_spelt_out() {
    assert_eq!(
        errors("\"timestamp-millis\""),
        ["1:1: `timestamp-millis` is not a type by itself, write \
             {\"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}}"]
    );
    // What is proposed is a schema, once what is left open is filled in.
    for name in [
        "decimal",
        "big-decimal",
        "uuid",
        "date",
        "time-millis",
        "time-micros",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
        "duration",
    ] {
        let found = errors(&format!("\"{name}\""));
        let (_, proposed) = found[0].split_once(", write ").unwrap();
        let filled = proposed
            .replace("\"name\": …", "\"name\": \"D\"")
            .replace('…', "2");
        let field = filled.strip_prefix('{').unwrap();
        let schema = format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "f", {field}]}}"#);
        let model = parse_str(&schema).unwrap_or_else(|errors| panic!("{schema}: {errors:?}"));
        let node = model.types.iter().find_map(|named| match &named.definition {
            Definition::Record(fields) => Some(fields[0].node.clone()),
            _ => None,
        });
        let node = node.unwrap();
        let logical = match node.kind {
            Kind::Named(id) => model.get(id).logical,
            _ => node.logical,
        };
        assert!(logical.is_some(), "{schema}");
    }
    // One may be called so.
    assert!(
        parse_str(
            r#"{"type": "record", "name": "date", "fields": [{"name": "f", "type": ["null", "date"]}]}"#
        )
        .is_ok()
    );
}

#[test]
fn markers_of_a_merge_are_told() {
    let text = "{\"type\": \"record\", \"name\": \"R\", \"fields\": [\n<<<<<<< HEAD\n]}";
    assert_eq!(
        errors(text),
        ["2:1: not valid JSON: git could not merge the file and left its markers; resolve the conflict"]
    );
}
