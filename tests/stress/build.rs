//! Generates the types, without the generator's warnings: what it warns of in these schemas is intended.

use std::path::Path;
use std::{env, fs};

fn main() {
    let generated = kaufmann_codegen::Config::new().without_lock().generate("schemas");
    let generated = generated.unwrap_or_else(|errors| {
        let lines = errors.iter().map(|error| format!("{error}\n"));
        panic!("\n{}", lines.collect::<String>())
    });
    for path in generated.watched {
        println!("cargo::rerun-if-changed={path}");
    }
    let out = env::var_os("OUT_DIR").expect("Cargo sets it for build scripts");
    fs::write(Path::new(&out).join("events.rs"), generated.code).expect("OUT_DIR can be written to");
}
