//! Generates the readers of kaufmann-avro's test vectors, each as the only field of an event in its own module: a record of one
//! field is encoded as the field.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use serde_json::{Value, json};

const VECTORS: &str = "../kaufmann-avro/tests/vectors/resolution.jsonl";

/// Writes `readers.rs` into `OUT_DIR`: the modules, and a macro that names each reader's type and schema.
pub(crate) fn generate() {
    println!("cargo::rerun-if-changed={VECTORS}");
    let out = env::var("OUT_DIR").expect("Cargo sets it for build scripts");
    let vectors = fs::read_to_string(VECTORS).expect("the vectors are in the repository");
    let mut readers = BTreeMap::new();
    for line in vectors.lines() {
        let pair: Value = serde_json::from_str(line).expect("a line of the vectors is JSON");
        let next = readers.len();
        readers.entry(pair["reader"].to_string()).or_insert(next);
    }
    let (mut modules, mut arms) = (String::new(), String::new());
    for (reader, index) in &readers {
        let code = module(&Path::new(&out).join("readers").join(index.to_string()), reader);
        let _ = write!(modules, "pub(crate) mod r{index} {{\n{code}\n}}\n");
        let _ = writeln!(
            arms,
            "$each!({reader:?}, r{index}::Reader, r{index}::ReaderRef<'_>);"
        );
    }
    let text = format!("{modules}\nmacro_rules! each_reader {{ ($each:ident) => {{ {arms} }} }}\n");
    fs::write(Path::new(&out).join("readers.rs"), text).expect("OUT_DIR can be written to");
}

fn module(dir: &Path, reader: &str) -> String {
    let reader: Value = serde_json::from_str(reader).expect("it was written as JSON");
    let event = json!({
        "type": "record", "name": "Reader", "fields": [{"name": "value", "type": reader}],
    });
    fs::create_dir_all(dir).expect("OUT_DIR can be written to");
    fs::write(dir.join("reader.avsc"), event.to_string()).expect("OUT_DIR can be written to");
    let generated = kaufmann_codegen::Config::new().generate(dir);
    generated
        .unwrap_or_else(|errors| panic!("{reader}: {errors:?}"))
        .code
}
