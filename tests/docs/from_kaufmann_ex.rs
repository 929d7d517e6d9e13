//! Every row of the guide for users of KaufmannEx names a test that exists.

use std::collections::BTreeMap;
use std::fs;

const GUIDE: &str = include_str!("../../kaufmann/src/docs/from_kaufmann_ex.md");
const FOLDER: &str = "kaufmann/src/docs";

/// The features that the guide must mention.
const FEATURES: [&str; 12] = [
    "given_event",
    "handled_events",
    "default_topics",
    "callback_topic",
    "event.error",
    "partition_strategy",
    "max_demand",
    "migrate_schemas",
    "reset_schemas",
    "reinit_service",
    "MockBus",
    "Transcoder.Json",
];

#[test]
fn every_row_names_a_test_that_is_in_its_file() {
    let definitions = GUIDE.lines().filter(|line| line.starts_with('['));
    let files: BTreeMap<_, _> = definitions
        .filter_map(|line| line.trim_start_matches('[').split_once("]: "))
        .collect();
    let rows = GUIDE.lines().filter(|line| line.starts_with('|'));
    let rows: Vec<_> = rows
        .filter(|row| !row.starts_with("|---") && !row.ends_with("| test |"))
        .collect();
    assert!(rows.len() > 25, "only {} rows found", rows.len());
    for row in rows {
        let cell = row
            .trim_matches('|')
            .rsplit(" | ")
            .next()
            .unwrap_or_default()
            .trim();
        let link = cell.strip_prefix("[`").and_then(|link| link.strip_suffix(']'));
        let (name, file) = link
            .and_then(|link| link.split_once("`]["))
            .unwrap_or_else(|| panic!("the row ends with no link to a test: {row}"));
        let file = files
            .get(file)
            .unwrap_or_else(|| panic!("the guide does not define the link `{file}`: {row}"));
        let path = super::root().join(FOLDER).join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("fn {name}(")),
            "{} has no test `{name}`",
            path.display()
        );
    }
}

#[test]
fn no_feature_is_missing() {
    for feature in FEATURES {
        assert!(GUIDE.contains(feature), "the guide does not mention `{feature}`");
    }
    for lacking in [
        "one schema for a family of names",
        "`emitter_service_id`",
        "deletes a subject",
        "for records",
    ] {
        let said = GUIDE.split("**None").skip(1).any(|rest| {
            let end = rest.find("\n\n").unwrap_or(rest.len());
            rest[..end].contains(lacking)
        });
        assert!(said, "the guide does not list as missing: {lacking}");
    }
}
