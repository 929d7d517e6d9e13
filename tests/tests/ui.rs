//! The macros as a user meets them: what compiles, and what the compiler says to what does not.
//!
//! `TRYBUILD=overwrite` accepts the texts that the cases have now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FAMILIES: [&str; 4] = ["handler", "service", "main", "derive"];

/// One mistake shows one error; these show more, and why nothing can be done about it.
const EXCEPTIONS: [(&str, usize, &str); 7] = [
    (
        "handler/fail/tombstone_of_an_event_without_a_key",
        5,
        "rustc reports the bound of `Tombstone` in each place where the type stands",
    ),
    (
        "handler/fail/three_mistakes",
        3,
        "three mistakes: each is reported at once",
    ),
    (
        "handler/fail/on_an_associated_function",
        2,
        "a macro cannot see the `impl` around it, where no item may stand",
    ),
    (
        "handler/fail/self_outside_of_an_impl",
        2,
        "rustc refuses `self` in a free function too, and the macro cannot tell it from a method",
    ),
    (
        "handler/fail/two_handlers_of_one_name",
        6,
        "the functions clash, and with them all that has their name",
    ),
    (
        "handler/fail/name_of_an_imported_module",
        2,
        "the handler's twin and the module are both in the type namespace, which is how a list names a handler",
    ),
    (
        "main/fail/service_without_state",
        2,
        "what `start` should return is unknown as long as the service has no state",
    ),
];

#[test]
fn the_cases_compile_or_fail_as_written_down() {
    let cases = trybuild::TestCases::new();
    for family in FAMILIES {
        cases.pass(format!("ui/{family}/pass/*.rs"));
        cases.compile_fail(format!("ui/{family}/fail/*.rs"));
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
            let case = format!(
                "{family}/fail/{}",
                text.file_stem().unwrap_or_default().to_string_lossy()
            );
            let errors = count_errors(&text);
            let allowed = expected.get(case.as_str()).copied().unwrap_or(1);
            seen += usize::from(expected.contains_key(case.as_str()));
            if errors != allowed {
                wrong.push(format!("{case}: {errors} errors instead of {allowed}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen, EXCEPTIONS.len(), "an exception names a case that is gone");
}

/// The `.stderr` files of a family.
fn texts(family: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("ui")
        .join(family)
        .join("fail");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a directory entry").path());
    let texts: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "stderr"))
        .collect();
    assert!(!texts.is_empty(), "{} has no texts", folder.display());
    texts
}

fn count_errors(text: &Path) -> usize {
    let text = fs::read_to_string(text).unwrap_or_else(|error| panic!("{}: {error}", text.display()));
    text.lines().filter(|line| line.starts_with("error")).count()
}
