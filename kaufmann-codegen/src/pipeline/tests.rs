use std::fs;
use std::path::Path;

use kaufmann_avro::compatibility::Level;
use kaufmann_avro::lock::{Lock, LockedEvent, Version};
use tempfile::TempDir;

use super::REMEDY;
use crate::config::Config;

const SCHEMA: &str = r#"{"type": "record", "name": "create", "namespace": "user", "fields": []}"#;

/// A folder with these files; those whose name ends in `/` are folders.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    dir
}

const ENVIRONMENT: &str = "cargo::rerun-if-env-changed=KAUFMANN_CODEGEN_BREAKS";

/// The instructions but for that about the environment, with the folder's name left out.
fn build(config: &Config, dir: &Path) -> Vec<String> {
    let mut instructions = config.build(dir, false);
    instructions.retain(|line| line != ENVIRONMENT);
    let name = dir.to_string_lossy().into_owned();
    instructions
        .into_iter()
        .map(|line| line.replace(&name, "schemas"))
        .collect()
}

fn errors(dir: &Path) -> Vec<String> {
    let name = dir.to_string_lossy().into_owned();
    let errors = Config::new().generate(dir).unwrap_err();
    errors
        .iter()
        .map(|error| error.to_string().replace(&name, "schemas"))
        .collect()
}

#[test]
fn a_probable_mistake_is_a_warning_with_its_position() {
    let schema = r#"{"type": "record", "name": "a", "topik": "t", "fields": [
        {"name": "x", "type": {"type": "long", "logicalType": "timestamp-milis"}},
        {"name": "y", "type": ["null", {"type": "int", "logicalType": "timestamp-millis"}]},
        {"name": "z", "type": {"type": "int", "logicalType": "date"}},
        {"name": "w", "type": "long", "logicalType": "timestamp-millis"}
    ]}"#;
    let dir = folder(&[("a.avsc", schema)]);
    let out = TempDir::new().unwrap();
    let instructions = build(&Config::new().out_dir(out.path()), dir.path());
    let warnings: Vec<_> = instructions
        .iter()
        .filter_map(|line| line.strip_prefix("cargo::warning="))
        .collect();
    assert_eq!(
        warnings,
        [
            "schemas/a.avsc:1:42: the attribute `topik` is unknown to kaufmann, did you mean `topic`?",
            "schemas/a.avsc:2:63: the logical type `timestamp-milis` is unknown, so Avro ignores it, did you mean \
             `timestamp-millis`?",
            "schemas/a.avsc:3:71: the logical type `timestamp-millis` does not fit its type, so Avro ignores it",
            "schemas/a.avsc:5:54: the logical type `timestamp-millis` is beside the type of the field `w`, so Avro ignores it; \
             put both into one object: {\"type\": {\"type\": …, \"logicalType\": \"timestamp-millis\"}}",
        ]
    );
}

#[test]
fn cargo_watches_every_file_that_counts_and_every_folder() {
    let dir = folder(&[
        ("user/create.avsc", SCHEMA),
        ("user/create.samples.json", "[{}]"),
        ("user/README.md", "not watched"),
        ("empty/", ""),
        (".hidden/wrong.avsc", "{"),
    ]);
    let out = TempDir::new().unwrap();
    let instructions = build(&Config::new().out_dir(out.path()), dir.path());
    let expected = [
        "cargo::rerun-if-changed=schemas",
        "cargo::rerun-if-changed=schemas/empty",
        "cargo::rerun-if-changed=schemas/user",
        "cargo::rerun-if-changed=schemas/user/create.avsc",
        "cargo::rerun-if-changed=schemas/user/create.samples.json",
    ];
    assert_eq!(instructions, expected);
    assert!(out.path().join("events.rs").exists());
}

#[test]
fn the_file_is_written_only_if_it_changes() {
    let dir = folder(&[("create.avsc", SCHEMA)]);
    let out = TempDir::new().unwrap();
    let config = Config::new()
        .out_dir(out.path().join("below"))
        .file_name("mine.rs");
    let file = out.path().join("below/mine.rs");

    assert!(
        build(&config, dir.path())
            .iter()
            .all(|line| line.starts_with("cargo::rerun-if-changed="))
    );
    // Older than any write: if it stays so, nothing was written.
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    assert!(
        build(&config, dir.path())
            .iter()
            .all(|line| line.starts_with("cargo::rerun-if-changed="))
    );
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), long_ago);

    fs::write(dir.path().join("create.avsc"), SCHEMA.replace("create", "delete")).unwrap();
    assert!(
        build(&config, dir.path())
            .iter()
            .all(|line| line.starts_with("cargo::rerun-if-changed="))
    );
    assert!(fs::read_to_string(&file).unwrap().contains("pub struct Delete"));
}

#[test]
fn every_error_of_every_file_is_one_instruction() {
    let wrong = SCHEMA.replace(
        "[]",
        r#"[{"name": "a", "type": "strng"}, {"name": "b", "type": "lnog"}]"#,
    );
    let dir = folder(&[("b.avsc", &wrong), ("a.avsc", "{")]);
    let instructions = build(&Config::new(), dir.path());
    assert_eq!(instructions.len(), 3, "{instructions:?}");
    assert!(instructions[0].starts_with("cargo::error=schemas/a.avsc:1:"));
    assert!(instructions[1].starts_with("cargo::error=schemas/b.avsc:1:"));
    assert!(instructions[1].ends_with("did you mean `string`?"));
    assert!(instructions[2].ends_with("did you mean `long`?"));
}

#[test]
fn an_instruction_is_one_line_whatever_the_schema_says() {
    let wrong = SCHEMA.replace("[]", r#"[{"name": "a", "type": "str\ncargo::rustc-cfg=x"}]"#);
    let dir = folder(&[("a.avsc", &wrong)]);
    let instructions = build(&Config::new(), dir.path());
    assert!(
        instructions.iter().all(|line| !line.contains('\n')),
        "{instructions:?}"
    );
}

#[test]
fn a_missing_folder_says_where_it_was_looked_for() {
    let found = errors(Path::new("no/such/folder"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("schemas: there is no such folder"),
        "{found:?}"
    );
    assert!(found[0].contains("kaufmann-codegen"), "{found:?}");
}

#[test]
fn an_empty_folder_and_a_file_for_a_folder_say_what_to_do() {
    let dir = folder(&[("README.md", "")]);
    assert!(errors(dir.path())[0].contains("holds no `.avsc` file; put a schema in it"));
    assert!(errors(&dir.path().join("README.md"))[0].contains("name the folder that holds the schemas"));
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_is_named_and_hides_no_other_error() {
    let dir = folder(&[
        (
            "a.avsc",
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": "InBroken"}]}"#,
        ),
        ("c.avsc", r#"{"type": "record", "fields": []}"#),
    ]);
    std::os::unix::fs::symlink("nowhere", dir.path().join("broken.avsc")).unwrap();
    let found = errors(dir.path());
    // That `InBroken` is unknown is no mistake while a file is missing.
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("schemas/broken.avsc: cannot read the file: "),
        "{found:?}"
    );
    assert!(found[1].starts_with("schemas/c.avsc:1:1: "), "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_above_ends() {
    let dir = folder(&[("user/create.avsc", SCHEMA)]);
    std::os::unix::fs::symlink(dir.path(), dir.path().join("user/up")).unwrap();
    assert_eq!(
        Config::new().generate(dir.path()).unwrap().events,
        ["user.create"]
    );
}

#[test]
fn a_folder_for_a_file_cannot_be_overwritten() {
    let dir = folder(&[("create.avsc", SCHEMA), ("out/events.rs/", "")]);
    let instructions = build(&Config::new().out_dir(dir.path().join("out")), dir.path());
    assert!(
        instructions[0].contains("schemas/out/events.rs: cannot write the generated code"),
        "{instructions:?}"
    );
}

/// A lock that holds `user.create` as [`SCHEMA`] has it, and `user.gone`.
fn lock() -> String {
    let mut lock = Lock::default();
    for name in ["create", "gone"] {
        let version = Version::new(1, 7, &SCHEMA.replace("create", name)).unwrap();
        let mut event = LockedEvent::new(format!("user.{name}"), Level::Backward);
        event.insert(version);
        lock.insert(format!("user.{name}"), event);
    }
    lock.to_string()
}

#[test]
fn an_event_that_is_locked_but_has_no_schema_is_a_warning() {
    let dir = folder(&[("create.avsc", SCHEMA), ("schemas.lock", &lock())]);
    let out = TempDir::new().unwrap();
    let config = Config::new()
        .out_dir(out.path())
        .lock(dir.path().join("schemas.lock"));
    assert_eq!(
        build(&config, dir.path()),
        [
            "cargo::rerun-if-changed=schemas",
            "cargo::rerun-if-changed=schemas/create.avsc",
            "cargo::rerun-if-changed=schemas/schemas.lock",
            "cargo::warning=schemas/schemas.lock: `user.gone` is locked, but no schema defines it any more; restore its \
             schema, or run `schema reset user.gone` if it was removed on purpose",
        ]
    );
}

#[test]
fn a_break_is_an_error_with_a_way_on_and_by_that_way_a_warning() {
    let breaking = SCHEMA.replace("[]", r#"[{"name": "a", "type": "int"}]"#);
    let dir = folder(&[("create.avsc", &breaking), ("schemas.lock", &lock())]);
    let config = Config::new()
        .out_dir(dir.path().join("out"))
        .lock(dir.path().join("schemas.lock"));
    let failed = config.build(dir.path(), false);
    assert_eq!(failed.len(), 2, "{failed:?}");
    let error = failed[0].strip_prefix("cargo::error=").unwrap();
    assert!(error.contains("`user.create` breaks BACKWARD"), "{error}");
    assert_eq!(failed[1], format!("cargo::warning={REMEDY}"));
    assert!(!dir.path().join("out/events.rs").exists());

    let passed = config.build(dir.path(), true);
    assert!(passed.contains(&format!("cargo::warning={error}")), "{passed:?}");
    assert!(passed.contains(&ENVIRONMENT.to_owned()), "{passed:?}");
    assert!(
        !passed.iter().any(|line| line.starts_with("cargo::error=")),
        "{passed:?}"
    );
    assert!(dir.path().join("out/events.rs").exists());

    // What is wrong otherwise stays an error, and has no such way.
    fs::write(dir.path().join("create.avsc"), SCHEMA.replace("record", "rekord")).unwrap();
    for breaks_pass in [false, true] {
        let failed = config.build(dir.path(), breaks_pass);
        assert!(
            failed.iter().all(|line| line.starts_with("cargo::error=")),
            "{failed:?}"
        );
    }
}

#[test]
fn a_lock_can_be_switched_off_and_need_not_exist() {
    let breaking = SCHEMA.replace("[]", r#"[{"name": "a", "type": "int"}]"#);
    let dir = folder(&[("create.avsc", &breaking), ("schemas.lock", &lock())]);
    let lock = |name: &str| Config::new().lock(dir.path().join(name));
    assert!(lock("schemas.lock").generate(dir.path()).is_err());
    let without = lock("schemas.lock").without_lock().generate(dir.path()).unwrap();
    assert_eq!(lock("another.lock").generate(dir.path()), Ok(without));
}

#[test]
fn a_lock_that_cannot_be_read_is_an_error() {
    let dir = folder(&[("create.avsc", SCHEMA), ("schemas.lock/", "")]);
    let config = Config::new().lock(dir.path().join("schemas.lock"));
    let instructions = build(&config, dir.path());
    assert_eq!(instructions.len(), 1, "{instructions:?}");
    assert!(
        instructions[0].starts_with("cargo::error=schemas/schemas.lock: cannot read the lock: "),
        "{instructions:?}"
    );
}
