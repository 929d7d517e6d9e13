//! The macros as a user meets them: programs that compile, and the compiler's errors for those that do not.
//!
//! `fail/` has a folder for each thing that a mistake can be about. `TRYBUILD=overwrite` accepts the errors that the
//! compiler prints now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FAMILIES: [&str; 4] = ["handler", "service", "main", "derive"];

/// One mistake shows one error; these show more, with their number of errors and the reason.
const EXCEPTIONS: [(&str, usize, &str); 7] = [
    (
        "handler/fail/tombstone/tombstone_of_an_event_without_a_key",
        5,
        "rustc reports the bound of `Tombstone` wherever the type is written",
    ),
    (
        "handler/fail/signature/three_mistakes",
        3,
        "it has three mistakes, and all are reported at once",
    ),
    (
        "handler/fail/item/on_an_associated_function",
        2,
        "a macro cannot see the `impl` around it, in which no item is allowed",
    ),
    (
        "handler/fail/item/self_outside_of_an_impl",
        2,
        "rustc refuses `self` in a free function too, and the macro cannot tell it from a method",
    ),
    (
        "handler/fail/name/two_handlers_of_one_name",
        6,
        "the functions clash, and with them all items that have their name",
    ),
    (
        "handler/fail/name/name_of_an_imported_module",
        2,
        "the handler's twin and the module are both in the type namespace, which is how a list names a handler",
    ),
    (
        "main/fail/attribute/service_without_state",
        2,
        "without the service's state, the return type that `start` needs is unknown",
    ),
];

#[test]
fn the_cases_compile_or_fail_with_their_expected_errors() {
    let cases = trybuild::TestCases::new();
    for family in FAMILIES {
        cases.pass(format!("ui/{family}/pass/*.rs"));
        cases.compile_fail(format!("ui/{family}/fail/**/*.rs"));
    }
}

#[test]
fn one_mistake_shows_one_error() {
    let expected: BTreeMap<&str, usize> = EXCEPTIONS
        .iter()
        .map(|(case, errors, _)| (*case, *errors))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for family in FAMILIES {
        for text in texts(family) {
            let case = name(&text);
            let errors = count_errors(&text);
            let allowed = expected.get(case.as_str()).copied().unwrap_or(1);
            seen += usize::from(expected.contains_key(case.as_str()));
            if errors != allowed {
                wrong.push(format!("{case}: {errors} errors instead of {allowed}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        seen,
        EXCEPTIONS.len(),
        "an exception names a case that does not exist"
    );
}

/// The `.stderr` files of a family, in its `fail` folder and all folders below.
fn texts(family: &str) -> Vec<PathBuf> {
    let root = root().join(family).join("fail");
    let mut texts = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "stderr") {
                texts.push(path);
            }
        }
    }
    assert!(!texts.is_empty(), "{} has no `.stderr` file", root.display());
    texts
}

/// The name of a case, as `EXCEPTIONS` writes it: its path below `ui`, with `/` and without the extension.
fn name(text: &Path) -> String {
    let path = text
        .strip_prefix(root())
        .expect("a file below `ui`")
        .with_extension("");
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

fn count_errors(text: &Path) -> usize {
    let text = fs::read_to_string(text).unwrap_or_else(|error| panic!("{}: {error}", text.display()));
    text.lines().filter(|line| line.starts_with("error")).count()
}
