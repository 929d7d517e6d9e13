//! What Cargo builds again after which change: a package is built by the real Cargo, with this program as its build script.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::env;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

const MANIFEST: &str = "[package]\nname = \"service\"\nedition = \"2024\"\n[workspace]\n";

/// The build script knows this program by a variable.
const SCRIPT: &str = r#"fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let program = std::env::var("KAUFMANN_TEST_COMPILE").unwrap();
    assert!(std::process::Command::new(program).status().unwrap().success());
}"#;

/// Depends on the generated code as a service does, but needs no runtime.
const MAIN: &str = r#"fn main() {
    assert!(!include_str!(concat!(env!("OUT_DIR"), "/events.rs")).is_empty());
}"#;

const SCHEMA: &str = r#"{"type": "record", "name": "user.create", "fields": []}"#;

const LOCK: &str = r#"
format = 1
[event."user.create"]
subject = "user.create"
compatibility = "BACKWARD"
[event."user.create".version.1]
id = 7
fingerprint = "FINGERPRINT"
schema = '{"type":"record","name":"user.create","fields":[]}'
"#;

fn main() -> ExitCode {
    // Cargo sets this for build scripts.
    if env::var_os("KAUFMANN_TEST_COMPILE").is_some() {
        kaufmann_codegen::compile("schemas");
        return ExitCode::SUCCESS;
    }
    let trials = vec![
        Trial::test("nothing_is_built_again_when_nothing_changed", nothing),
        Trial::test("the_build_script_runs_for_schemas_and_samples_only", only_schemas),
        Trial::test("what_changes_no_code_leaves_the_generated_file_alone", same_code),
        Trial::test(
            "a_lock_is_noticed_when_it_comes_changes_and_goes",
            lock_is_noticed,
        ),
        Trial::test("a_break_fails_the_build_at_its_line", a_break_fails),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What Cargo did.
#[derive(PartialEq, Debug)]
enum Done {
    Nothing,
    Compiled,
    RanBuildScript,
    Failed(String),
}

/// A package, built once.
struct Package {
    dir: TempDir,
}

impl Package {
    fn new() -> Self {
        let package = Self {
            dir: TempDir::new().unwrap(),
        };
        for (path, text) in [
            ("Cargo.toml", MANIFEST),
            ("build.rs", SCRIPT),
            ("src/main.rs", MAIN),
            ("schemas/user/create.avsc", SCHEMA),
        ] {
            package.write(path, text);
        }
        assert_eq!(package.build(), Done::RanBuildScript);
        package
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }

    fn build(&self) -> Done {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--offline", "--verbose", "--color=never"])
            .current_dir(self.dir.path());
        cargo.env("KAUFMANN_TEST_COMPILE", env::current_exe().unwrap());
        cargo.env("CARGO_TARGET_DIR", self.dir.path().join("target"));
        let output = cargo.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let ran = |program: &str| {
            stderr
                .lines()
                .any(|line| line.contains("Running `") && line.contains(program))
        };
        if !output.status.success() {
            Done::Failed(stderr)
        } else if ran("build-script-build`") {
            Done::RanBuildScript
        } else if ran("--crate-name service") {
            Done::Compiled
        } else {
            Done::Nothing
        }
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.dir.path().join(path)).unwrap();
    }

    /// When the generated file was written.
    fn generated(&self) -> SystemTime {
        let mut folders = vec![self.dir.path().join("target")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.ends_with("out/events.rs") {
                    return fs::metadata(path).unwrap().modified().unwrap();
                }
            }
        }
        panic!("there is no generated file in {}", self.dir.path().display())
    }
}

fn nothing() -> Result<(), Failed> {
    let package = Package::new();
    assert_eq!(package.build(), Done::Nothing);
    assert_eq!(package.build(), Done::Nothing);
    Ok(())
}

fn only_schemas() -> Result<(), Failed> {
    let package = Package::new();
    for (path, text, expected) in [
        ("src/main.rs", MAIN, Done::Compiled),
        ("README.md", "about", Done::Nothing),
        ("schemas/user/create.samples.json", "[{}]", Done::RanBuildScript),
        (
            "schemas/order/placed.avsc",
            &SCHEMA.replace("create", "placed"),
            Done::RanBuildScript,
        ),
        (
            "schemas/user/create.avsc",
            &SCHEMA.replace("[]", "[ ]"),
            Done::RanBuildScript,
        ),
    ] {
        package.write(path, text);
        assert_eq!(package.build(), expected, "{path}");
        assert_eq!(package.build(), Done::Nothing, "{path}");
    }
    Ok(())
}

fn same_code() -> Result<(), Failed> {
    let package = Package::new();
    let written = package.generated();
    package.write("schemas/user/create.avsc", &format!("{SCHEMA} // a comment"));
    assert_eq!(package.build(), Done::RanBuildScript);
    package.write("schemas/README.md", "about");
    package.build();
    assert_eq!(package.generated(), written);
    package.write("schemas/user/create.avsc", &SCHEMA.replace("create", "delete"));
    assert_eq!(package.build(), Done::RanBuildScript);
    assert!(package.generated() > written);
    Ok(())
}

fn lock_is_noticed() -> Result<(), Failed> {
    let package = Package::new();
    for change in ["comes", "changes"] {
        package.write("schemas.lock", &lock());
        assert_eq!(package.build(), Done::RanBuildScript, "{change}");
        assert_eq!(package.build(), Done::Nothing, "{change}");
    }
    package.remove("schemas.lock");
    assert_eq!(package.build(), Done::RanBuildScript);
    assert_eq!(package.build(), Done::Nothing);
    Ok(())
}

fn a_break_fails() -> Result<(), Failed> {
    let package = Package::new();
    let field = r#"[{"name": "email", "type": "string"}]"#;
    package.write("schemas.lock", &lock());
    package.write("schemas/user/create.avsc", &SCHEMA.replace("[]", field));
    let Done::Failed(stderr) = package.build() else {
        return Err("the build did not fail".into());
    };
    let expected = "error: service@0.0.0: schemas/user/create.avsc:1:63: `user.create` breaks BACKWARD: it does not read \
                    what was written with version 1 (id 7) of the subject `user.create`: at `email`: ";
    assert!(stderr.lines().any(|line| line.starts_with(expected)), "{stderr}");
    Ok(())
}

/// A lock that holds the schema as it is at first.
fn lock() -> String {
    let schema = kaufmann_avro::Schema::parse(SCHEMA).unwrap();
    LOCK.replace("FINGERPRINT", &format!("{:016x}", schema.fingerprint()))
}
