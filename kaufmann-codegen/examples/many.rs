//! How long it takes to generate many schemas: `cargo run -p kaufmann-codegen --example many -- 500 /tmp/many`.
//!
//! Writes that many realistic schemas below the folder, always the same ones, generates their code with the samples left
//! out, and says how long that took and how much it is. Build scripts are not optimised, so neither should this be. The
//! folder then holds a package, `cargo check` of which shows what the compiler makes of it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for whoever works on the generator"
)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use kaufmann_codegen::Config;
use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count = arguments
        .next()
        .map_or(500, |count| count.parse::<u32>().expect("the number of schemas"));
    let dir = arguments.next().expect("a folder for the schemas");
    let (dir, schemas) = (Path::new(&dir), Path::new(&dir).join("schemas"));
    for number in 0..count {
        let folder = schemas.join(format!("area{}", number / 25));
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join(format!("event{number}.avsc")),
            schema(number).to_string(),
        )
        .unwrap();
    }
    let start = Instant::now();
    let generated = Config::new().generate(&schemas).unwrap();
    let took = start.elapsed();
    let (lines, bytes) = (generated.code.lines().count(), generated.code.len());
    println!(
        "{} events, {lines} lines, {} kB, {took:?}",
        generated.events.len(),
        bytes / 1000
    );
    package(dir, &generated.code);
}

/// An event as services have them: an envelope, some plain fields, options, dates and amounts, a list of records, an enum,
/// and now and then a union.
fn schema(number: u32) -> Value {
    let namespace = format!("com.shop.area{}", number / 25);
    let name = format!("Event{number}Happened");
    let field = |name: &str, ty: Value| json!({"name": name, "doc": format!("The {name} of this event."), "type": ty});
    let optional = |name: &str, ty: Value| json!({"name": name, "type": ["null", ty], "default": null});
    let mut fields = vec![
        field("event_id", json!({"type": "string", "logicalType": "uuid"})),
        field(
            "occurred_at",
            json!({"type": "long", "logicalType": "timestamp-micros"}),
        ),
        field("customerId", json!("string")),
        optional("causation_id", json!("string")),
    ];
    let plain = ["string", "long", "int", "boolean", "double", "bytes"];
    for index in 0..4 + number % 5 {
        let ty = plain[((number + index * 7) % 6) as usize];
        fields.push(match index % 3 {
            0 => optional(&format!("note{index}"), json!(ty)),
            _ => field(&format!("value{index}"), json!(ty)),
        });
    }
    fields.push(field(
        "status",
        json!({"type": "enum", "name": format!("Status{number}"),
        "symbols": ["NEW", "PAID", "SENT", "RETURNED", "UNKNOWN"], "default": "UNKNOWN"}),
    ));
    fields.push(field(
        "lines",
        json!({"type": "array", "items": {"type": "record", "name": format!("Line{number}"), "fields": [
            field("sku", json!("string")),
            field("quantity", json!("int")),
            field("price", json!({"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2})),
            optional("comment", json!("string")),
        ]}}),
    ));
    fields.push(json!({"name": "labels", "type": {"type": "map", "values": "string"}, "default": {}}));
    if number.is_multiple_of(2) {
        fields.push(field("address", json!({"type": "record", "name": format!("Address{number}"), "fields": [
            field("street", json!("string")), field("city", json!("string")), field("country", json!("string")),
            optional("lat", json!("double")), optional("lon", json!("double")),
        ]})));
    }
    if number.is_multiple_of(4) {
        fields.push(field(
            "payment",
            json!(["null", "string", "long", {"type": "record", "name": format!("Card{number}"),
            "fields": [field("last4", json!("string")), field("month", json!("int"))]}]),
        ));
    }
    json!({"type": "record", "namespace": namespace, "name": name, "doc": "Something happened.\n\nIt matters.", "fields": fields})
}

/// A package around the code.
fn package(dir: &Path, code: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::create_dir_all(dir.join("src")).unwrap();
    let kaufmann = root.join("kaufmann");
    let manifest = format!(
        "[package]\nname = \"many\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         kaufmann = {{ path = {kaufmann:?}, default-features = false }}\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.join("src/lib.rs"), "include!(\"events.rs\");\n").unwrap();
    fs::write(dir.join("src/events.rs"), code).unwrap();
}
