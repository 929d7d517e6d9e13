//! Runs the generator on every folder of `fixtures`: the result must equal its `expected.rs`, or `expected.err` if the
//! schemas are invalid. `KAUFMANN_BLESS=1` rewrites the files.

use std::fs;
use std::path::Path;

use kaufmann_codegen::Config;

/// The options of the cases that need some.
fn config(case: &str) -> Config {
    options(case).lock(format!("tests/fixtures/{case}/schemas.lock"))
}

fn options(case: &str) -> Config {
    match case {
        "strip_prefix" => Config::new().strip_prefix("com.example"),
        "derives" => Config::new()
            .derive("*", "PartialOrd")
            .derive("shop.Colour", "Eq, Ord"),
        "samples_off" => Config::new().samples(false),
        "err_options" => Config::new()
            .strip_prefix("org")
            .derive("shop.Ordr", "Ord")
            .derive("*", "1st"),
        _ => Config::new(),
    }
}

#[test]
fn every_fixture_generates_what_is_expected() {
    let bless = std::env::var_os("KAUFMANN_BLESS").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    let mut cases = fs::read_dir("tests/fixtures")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect::<Vec<_>>();
    cases.sort();
    for case in cases {
        let dir = format!("tests/fixtures/{case}");
        let (found, file, other) = match config(&case).generate(&dir) {
            Ok(generated) => (generated.code, "expected.rs", "expected.err"),
            Err(errors) => {
                let lines = errors.iter().map(|error| format!("{error}\n"));
                (lines.collect(), "expected.err", "expected.rs")
            }
        };
        let (file, other) = (Path::new(&dir).join(file), Path::new(&dir).join(other));
        if fs::read_to_string(&file).is_ok_and(|expected| expected == found) && !other.exists() {
            continue;
        }
        if bless {
            fs::write(&file, found).unwrap();
            if other.exists() {
                fs::remove_file(&other).unwrap();
            }
        } else {
            wrong.push(format!("{}\n{}", file.display(), difference(&file, &found)));
        }
    }
    assert!(
        wrong.is_empty(),
        "run with KAUFMANN_BLESS=1 if this is right:\n{}",
        wrong.join("\n")
    );
}

/// The first line that differs.
fn difference(file: &Path, found: &str) -> String {
    let expected = fs::read_to_string(file).unwrap_or_default();
    let mut lines = (1..).zip(
        expected
            .lines()
            .map(Some)
            .chain([None])
            .zip(found.lines().map(Some).chain([None])),
    );
    let differs = lines.find(|(_, (expected, found))| expected != found);
    format!("  {differs:?}")
}

#[test]
fn the_same_schemas_make_the_same_code() {
    let generate = || {
        Config::new()
            .generate("tests/fixtures/everything_at_once")
            .unwrap()
    };
    assert_eq!(generate(), generate());
}

/// `missing_docs` is silent in tests, so the rule is looked up in the code itself.
#[test]
fn every_public_item_of_the_generated_code_has_a_doc() {
    for entry in fs::read_dir("tests/fixtures").unwrap() {
        let Ok(code) = fs::read_to_string(entry.unwrap().path().join("expected.rs")) else {
            continue;
        };
        let mut documented = false;
        for line in code.lines().map(str::trim_start) {
            let public = line.starts_with("pub ") && !line.starts_with("pub [u8;");
            assert!(documented || !public, "{line}");
            let keeps = !public && !line.ends_with(['{', '}', ';', ',']);
            documented = line.starts_with("///") || (documented && (keeps || in_attribute(line)));
        }
    }
}

/// Whether a line may be between a doc and its item.
fn in_attribute(line: &str) -> bool {
    [
        "#[",
        "dead_code",
        "unreachable_pub",
        "unused_qualifications",
        "clippy::",
        "::kaufmann::__private::serde",
        ")]",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}
