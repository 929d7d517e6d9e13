//! Generates two versions of the same events, each in a module of its own.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// Writes `lived.rs` into `OUT_DIR`: the modules `v1` and `v2`.
pub(crate) fn generate() {
    let out = env::var("OUT_DIR").expect("Cargo sets it for build scripts");
    let mut text = String::new();
    for version in ["v1", "v2"] {
        let folder = Path::new("schemas/lived").join(version);
        println!("cargo::rerun-if-changed={}", folder.display());
        let generated = kaufmann_codegen::Config::new().without_lock().generate(&folder);
        let code = generated.unwrap_or_else(|errors| panic!("{errors:?}")).code;
        let _ = write!(text, "pub(crate) mod {version} {{\n{code}\n}}\n");
    }
    fs::write(Path::new(&out).join("lived.rs"), text).expect("OUT_DIR can be written to");
}
