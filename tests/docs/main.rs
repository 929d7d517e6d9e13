//! The documents show what the sources contain.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asyncapi;
mod from_kaufmann_ex;
mod json;
mod schemas;

use std::fs;
use std::path::{Path, PathBuf};

/// The fenced blocks of a document that are written in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = line.strip_prefix("```") {
            let body: Vec<_> = lines
                .by_ref()
                .take_while(|line| !line.starts_with("```"))
                .collect();
            if fence == language {
                found.push(body.join("\n"));
            }
        }
    }
    found
}

/// All sources below a folder, each as one text.
fn sources(folder: &str) -> Vec<String> {
    let mut folders = vec![root().join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| ["rs", "avsc", "json", "toml"].iter().any(|known| end == *known))
            {
                texts.push(fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn is_shown_as_it_is(document: &str, example: &str, languages: &[&str]) {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let sources = sources(example);
    let mut count = 0;
    for language in languages {
        for block in blocks(&text, language) {
            count += 1;
            let known = sources.iter().any(|source| source.contains(block.trim_end()));
            assert!(
                known,
                "{document} shows {language} that is in no file of {example}:\n{block}"
            );
        }
    }
    assert!(
        count > 3,
        "{document} has only {count} blocks of {languages:?}; is this test still looking for the right ones?"
    );
}

#[test]
fn the_readme_shows_the_quickstart_as_it_is() {
    is_shown_as_it_is("README.md", "examples/quickstart", &["rust", "json"]);
}

#[test]
fn the_readme_of_accounts_shows_its_sources_as_they_are() {
    is_shown_as_it_is("examples/accounts/README.md", "examples/accounts", &["rust"]);
}

#[test]
fn the_readme_of_embedded_shows_its_sources_as_they_are() {
    is_shown_as_it_is("examples/embedded/README.md", "examples/embedded", &["rust"]);
}

#[test]
fn every_file_that_the_documents_link_to_exists() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/client-traps.md",
        "docs/decisions.md",
        "examples/accounts/README.md",
        "tests/README.md",
        "kaufmann/src/docs/from_kaufmann_ex.md",
        "kaufmann/src/docs/guarantees.md",
        "kaufmann/src/docs/json.md",
        "kaufmann/src/docs/operations.md",
        "kaufmann/src/docs/schema_commands.md",
        "kaufmann/src/docs/schemas.md",
    ] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        // Links between guides are defined at the file's end.
        let named = text.lines().filter(|line| line.starts_with('['));
        let named = named.filter_map(|line| Some(line.split_once("]: ")?.1));
        let folder = root().join(document).parent().unwrap().to_owned();
        for link in links
            .chain(named)
            // Rustdoc checks links to items.
            .filter(|link| !link.contains("://") && !link.contains("crate::") && !link.starts_with('#'))
        {
            let file = link.split('#').next().unwrap();
            assert!(
                folder.join(file).exists(),
                "{document} links to {link}, which does not exist"
            );
        }
    }
}

#[test]
fn every_test_that_the_list_of_client_traps_names_exists() {
    let list = fs::read_to_string(root().join("docs/client-traps.md")).unwrap();
    let named: Vec<_> = list
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() > 3 && !name.contains(['.', ':', '/']))
        .collect();
    assert!(named.len() > 25, "only {} tests found", named.len());
    let sources: Vec<_> = ["kaufmann/src", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .collect();
    for name in named {
        let declaration = format!("fn {name}(");
        let known = sources.iter().any(|source| source.contains(&declaration));
        assert!(
            known,
            "docs/client-traps.md names the test {name}, which does not exist"
        );
    }
}

#[test]
fn every_path_in_the_code_map_and_in_the_decisions_exists() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let text = read("ARCHITECTURE.md") + &read("docs/decisions.md");
    let named: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.ends_with(".rs") && !name.contains(['*', '{', '<']))
        .collect();
    assert!(named.len() > 80, "only {} paths found", named.len());
    for name in named {
        let known = [
            "",
            "kaufmann/src",
            "kaufmann-avro/src",
            "kaufmann-codegen/src",
            "kaufmann-macros/src",
        ]
        .iter()
        .any(|folder| root().join(folder).join(name).exists());
        assert!(known, "the documents name {name}, which does not exist");
    }
}

/// The expected output of a command, from the files in its folder of snapshots.
fn printed(command: &str) -> Vec<String> {
    let folder = root().join("kaufmann/src/cli").join(command).join("snapshots");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

fn shows_only(guide: &str, printed: &[String]) {
    let guide = fs::read_to_string(root().join("kaufmann/src/docs").join(guide)).unwrap();
    let screens = [blocks(&guide, "text"), blocks(&guide, "json")].concat();
    assert!(screens.len() > 1, "only {} screens found", screens.len());
    for screen in screens {
        let is_printed = printed.iter().any(|text| text.trim_end() == screen.trim_end());
        assert!(is_printed, "the guide shows what no command prints:\n{screen}");
    }
}

#[test]
fn the_guide_to_the_commands_of_schema_shows_what_they_print() {
    shows_only("schema_commands.md", &printed("schema"));
}

#[test]
fn the_guide_to_operations_shows_what_the_commands_print() {
    let commands = [
        "cluster/lag",
        "cluster/tail",
        "cluster/topics",
        "cluster/dlq",
        "cluster/drain",
        "cluster/replay",
        "cluster/doctor",
        "publish",
    ];
    let printed: Vec<_> = commands.into_iter().flat_map(printed).collect();
    shows_only("operations.md", &printed);
}
