//! What the documents show of invalid schemas, and of changes to schemas.

use std::fs;

use kaufmann_avro::Schema;
use kaufmann_avro::compatibility::{Level, check};
use kaufmann_avro::lock::{Lock, LockedEvent, Version};
use kaufmann_codegen::Config;
use tempfile::TempDir;

const ORDER_PLACED: &str = include_str!("../../examples/quickstart/schemas/shop/order_placed.avsc");

const README: &str = include_str!("../../README.md");
const GUIDE: &str = include_str!("../../kaufmann/src/docs/schemas.md");

/// A lock with the quickstart's `shop.order_placed`.
fn lock() -> String {
    let mut event = LockedEvent::new("shop.order_placed", Level::Backward);
    event.insert(Version::new(1, 1, ORDER_PLACED).unwrap());
    let mut lock = Lock::default();
    lock.insert("shop.order_placed", event);
    lock.to_string()
}

/// Cargo's output if the quickstart's `shop.order_placed` has this schema.
fn screen(schema: &str) -> String {
    let package = TempDir::new().unwrap();
    let folder = package.path().join("schemas");
    let locked = package.path().join("schemas.lock");
    fs::create_dir_all(folder.join("shop")).unwrap();
    fs::write(folder.join("shop/order_placed.avsc"), schema).unwrap();
    fs::write(&locked, lock()).unwrap();
    let errors = Config::new().lock(locked).generate(&folder).unwrap_err();
    let errors = errors
        .iter()
        .map(|error| format!("error: quickstart@0.1.0: {error}"));
    let errors = errors.collect::<Vec<_>>().join("\n");
    errors.replace(&format!("{}/", package.path().display()), "")
}

fn is_shown(document: &str, screen: &str) {
    assert!(
        document.contains(&format!("```text\n{screen}\n```")),
        "this is printed, but not shown:\n{screen}"
    );
}

#[test]
fn a_schema_with_an_unknown_type_fails_the_build_as_shown() {
    let wrong = ORDER_PLACED.replace(
        r#""customer", "type": "string""#,
        r#""customer", "type": "strng""#,
    );
    is_shown(README, &screen(&wrong));
}

#[test]
fn a_schema_that_breaks_the_lock_fails_the_build_as_shown() {
    let last = r#""doc": "Counts the events of a customer, from 0."}"#;
    let broken = ORDER_PLACED.replace(
        last,
        &format!("{last},\n    {{\"name\": \"currency\", \"type\": \"string\"}}"),
    );
    let screen = screen(&broken);
    is_shown(README, &screen);
    is_shown(GUIDE, &screen);
}

#[test]
fn the_lock_looks_as_shown() {
    assert!(
        GUIDE.contains(&format!("```toml\n{}```", lock())),
        "this is a lock, but not shown:\n{}",
        lock()
    );
}

#[test]
fn allowed_changes_are_those_in_the_guide() {
    let record = |fields: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let field = |ty: &str| record(&format!(r#"{{"name": "f", "type": {ty}}}"#));
    let named = |name: &str, more: &str| record(&format!(r#"{{"name": "{name}", "type": "int"{more}}}"#));
    let two = |fields: [&str; 2]| {
        record(
            &fields
                .map(|name| format!(r#"{{"name": "{name}", "type": "int"}}"#))
                .join(", "),
        )
    };
    let symbols = |symbols: &str, more: &str| {
        field(&format!(
            r#"{{"type": "enum", "name": "E", "symbols": [{symbols}]{more}}}"#
        ))
    };
    let logical =
        |base: &str, logical: &str| field(&format!(r#"{{"type": "{base}", "logicalType": {logical}}}"#));
    let (a, ab, default) = (r#""A""#, r#""A", "B""#, r#", "default": "A""#);
    let rows = [
        (
            "add a field with a default",
            record(""),
            named("f", r#", "default": 1"#),
        ),
        ("add a field without a default", record(""), named("f", "")),
        (
            "remove a field that had a default",
            named("f", r#", "default": 1"#),
            record(""),
        ),
        ("remove a field that had none", named("f", ""), record("")),
        (
            "rename a field, with the old name as an alias",
            named("f", ""),
            named("g", r#", "aliases": ["f"]"#),
        ),
        (
            "rename a record, with the old name as an alias",
            record(""),
            r#"{"type": "record", "name": "S", "aliases": ["R"], "fields": []}"#.to_owned(),
        ),
        ("change the order of fields", two(["f", "g"]), two(["g", "f"])),
        (
            "`int` becomes `long`, `float` becomes `double`",
            field(r#""int""#),
            field(r#""long""#),
        ),
        (
            "a type becomes a union of it and others",
            field(r#""int""#),
            field(r#"["null", "int"]"#),
        ),
        (
            "add a branch to a union",
            field(r#"["null", "int"]"#),
            field(r#"["null", "int", "string"]"#),
        ),
        (
            "add a symbol to an enum without a default",
            symbols(a, ""),
            symbols(ab, ""),
        ),
        (
            "add a symbol to an enum with a default",
            symbols(a, default),
            symbols(ab, default),
        ),
        (
            "remove a symbol from an enum with a default",
            symbols(ab, default),
            symbols(a, default),
        ),
        (
            "remove a symbol from an enum without a default",
            symbols(ab, ""),
            symbols(a, ""),
        ),
        (
            "`timestamp-millis` becomes `timestamp-micros`",
            logical("long", r#""timestamp-millis""#),
            logical("long", r#""timestamp-micros""#),
        ),
        (
            "another scale of a decimal",
            logical("bytes", r#""decimal", "precision": 9, "scale": 2"#),
            logical("bytes", r#""decimal", "precision": 9, "scale": 3"#),
        ),
        (
            "docs, attributes",
            named("f", ""),
            named("f", r#", "doc": "new", "unit": "kg""#),
        ),
    ];
    let table = GUIDE
        .lines()
        .filter(|line| line.ends_with(" yes |") || line.ends_with(" no |"));
    assert_eq!(
        table.count(),
        rows.len(),
        "the guide has other rows than this test"
    );
    for (change, old, new) in rows {
        let schema = |text: &str| Schema::parse(text).unwrap_or_else(|errors| panic!("{change}: {errors:?}"));
        let (old, new) = (schema(&old), schema(&new));
        let says = |fine: bool| if fine { "yes" } else { "no" };
        let (backward, forward) = (check(&old, &new).is_empty(), check(&new, &old).is_empty());
        let row = format!("| {change} | {} | {} |", says(backward), says(forward));
        assert!(
            GUIDE.lines().any(|line| line == row),
            "the guide lacks the row: {row}"
        );
    }
}
