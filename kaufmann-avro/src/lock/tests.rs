use proptest::prelude::*;

use super::*;
use crate::model::Model;
use crate::{Source, parse as parse_schemas};

const V1: &str = r#"{"type": "record", "name": "create", "namespace": "user", "doc": "Gone from the lock.", "fields": [
    {"name": "email", "type": "string", "aliases": ["mail"]},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "default": 0},
    {"name": "home", "type": ["null", {"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": "string"}, {"name": "extra", "type": {"type": "record", "name": "Empty", "fields": []}}]}]}
]}"#;

const TEXT: &str = r#"# What the schema registry holds of each event. The build fails on a schema that breaks it.
# Written by `schema register` and `schema pull`; commit it with the schemas.
format = 1

[event."user.create"]
subject = "users-value"
compatibility = "FULL_TRANSITIVE"

[event."user.create".version.1]
id = 7
fingerprint = "2bb6a38216f85d37"
references = [
  {name = "user.Address", subject = "addresses", version = 3},
]
schema = '''
{"type":"record","name":"create","namespace":"user","fields":[
  {"name":"email","aliases":["mail"],"type":"string"},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"default":0},
  {"name":"home","type":["null",{"type":"record","name":"Address","fields":[
    {"name":"street","type":"string"},
    {"name":"extra","type":{"type":"record","name":"Empty","fields":[]}}
  ]}]}
]}
'''
"#;

fn version(number: u32, id: u32, schema: &str) -> Version {
    Version::new(number, id, schema).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn lock(level: Level, schemas: &[&str]) -> Lock {
    let mut event = LockedEvent::new("users-value", level);
    for (number, schema) in (1..).zip(schemas) {
        event.insert(version(number, number + 6, schema));
    }
    let mut lock = Lock::default();
    lock.insert("user.create", event);
    lock
}

fn error(text: &str) -> String {
    Lock::parse(text).unwrap_err().to_string()
}

#[test]
fn a_lock_has_one_thing_a_line_and_no_docs() {
    let reference = Reference {
        name: "user.Address".to_owned(),
        subject: "addresses".to_owned(),
        version: 3,
    };
    let mut lock = lock(Level::FullTransitive, &[]);
    let event = lock.event_mut("user.create").unwrap();
    assert_eq!(event.insert(version(1, 7, V1).with_references([reference])), None);
    assert_eq!(lock.to_string(), TEXT);
    assert_eq!(Lock::parse(TEXT), Ok(lock));
}

#[test]
fn a_lock_may_have_comments_another_order_and_the_line_ends_of_windows() {
    let text = TEXT
        .replace("id = 7\n", "")
        .replace("schema = '''", "# the first\nid = 7\nschema = '''");
    assert_eq!(Lock::parse(&text), Lock::parse(TEXT));
    assert_eq!(Lock::parse(&TEXT.replace('\n', "\r\n")), Lock::parse(TEXT));
}

#[test]
fn an_event_is_edited_by_its_name_and_its_versions_by_their_numbers() {
    let mut lock = lock(Level::Backward, &["\"int\"", "\"long\""]);
    let event = lock.event_mut("user.create").unwrap();
    assert_eq!(event.latest().map(Version::number), Some(2));
    assert_eq!(
        event.insert(version(2, 9, "\"string\"")).map(|old| old.id()),
        Some(8)
    );
    assert_eq!(event.version(2).map(Version::text), Some("\"string\""));
    let int = Schema::parse(r#"{"type": "int"}"#).unwrap();
    assert_eq!(event.version_of((&int).into()).map(Version::id), Some(7));
    assert_eq!(event.remove(2).map(|old| old.number()), Some(2));
    assert_eq!(event.versions().count(), 1);
    assert!(lock.remove("user.create").is_some());
    assert_eq!(lock, Lock::default());
}

#[test]
fn what_git_could_not_merge_is_named_at_its_first_line() {
    let text = TEXT.replace(
        "id = 7\n",
        "<<<<<<< HEAD\nid = 7\n=======\nid = 8\n>>>>>>> other\n",
    );
    let error = error(&text);
    assert!(error.starts_with("10:1: git could not merge the lock"), "{error}");
    assert!(
        error.ends_with("let `schema pull` write what the registry holds"),
        "{error}"
    );
}

#[test]
fn a_version_that_a_merge_left_twice_is_an_error_at_the_second() {
    let block = &TEXT[TEXT.find("[event.\"user.create\".version.1]").unwrap()..];
    let error = error(&format!("{TEXT}\n{block}"));
    assert!(error.starts_with("26:"), "{error}");
    assert!(error.contains("duplicate key"), "{error}");
}

#[test]
fn every_damage_has_its_place_and_its_remedy() {
    let cases = [
        (
            "format = 1",
            "format = 2",
            "3:10: the lock has the format 2, but this version of kaufmann knows the format 1; update kaufmann",
        ),
        (
            "format = 1\n",
            "",
            "1:1: the lock lacks the key `format`; take the file from git again, or delete it and let `schema pull` write it again",
        ),
        (
            "format = 1",
            "format = '1'",
            "3:10: `format` is `'1'`, expected a number",
        ),
        (
            "subject =",
            "subjct =",
            "6:1: unknown key `subjct`, did you mean `subject`?",
        ),
        ("id = 7", "owner = 7", "10:1: unknown key `owner`; remove it"),
        (
            "id = 7\n",
            "",
            "9:1: version 1 of `user.create` lacks the key `id`; take the file from git again, or delete it and let `schema pull` write it again",
        ),
        (
            "id = 7",
            "id = -7",
            "10:6: `id` is `-7`, expected a number from 0 to 4294967295",
        ),
        (
            "id = 7",
            "id = [7]",
            "10:6: `id` is an array, expected a number from 0 to 4294967295",
        ),
        (
            ".version.1]",
            ".version.0]",
            "9:30: `version` is `0`, expected a number from 1",
        ),
        (
            "FULL_TRANSITIVE",
            "FORWARDS",
            "7:17: `compatibility` is `\"FORWARDS\"`, expected one of NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, \
             FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE",
        ),
        (
            "\"street\",\"type\":\"string\"",
            "\"street\",\"type\":\"strng\"",
            "20:29: the schema of version 1 of `user.create` is not an Avro schema: field `street` has unknown type `strng`, did you mean `string`?; take the file from git again, or delete the version's lines and let `schema pull` write them again",
        ),
        (
            "\"street\",\"type\":\"string\"",
            "\"street\",\"type\":\"bytes\"",
            "11:15: the schema of version 1 of `user.create` has the fingerprint FOUND, but the lock has \
             2bb6a38216f85d37: one of them was changed by hand or by a merge; take the file from git again, or delete the version's lines and let `schema pull` write them again",
        ),
        (
            "fingerprint = \"2b",
            "fingerprint = \"xx",
            "11:15: `fingerprint` is `\"xxb6a38216f85d37\"`, expected 16 hexadecimal digits",
        ),
        (
            "id = 7",
            "id 7",
            "10:4: not valid TOML: key with no value, expected `=`; take the file from git again, or delete it and let `schema pull` write it again",
        ),
    ];
    for (right, wrong, expected) in cases {
        assert!(TEXT.contains(right), "{right}");
        let changed = version(
            1,
            7,
            &V1.replace(r#""street", "type": "string""#, r#""street", "type": "bytes""#),
        );
        let found = format!("{:016x}", changed.fingerprint());
        assert_eq!(
            error(&TEXT.replacen(right, wrong, 1)),
            expected.replace("FOUND", &found)
        );
    }
}

/// The schemas of the events, each a file of its own.
fn model(schemas: &[&str]) -> Model {
    let sources = schemas.iter().map(|text| Source { path: "a.avsc", text });
    parse_schemas(&sources.collect::<Vec<_>>()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// What became of `user.create`, in the words of a test.
fn state(lock: &Lock, schema: &str) -> String {
    let model = model(&[schema]);
    let node = &model.files[0].root;
    let current = [Current {
        event: "user.create",
        schema: Typed { model: &model, node },
    }];
    let checked = check(lock, &current);
    assert_eq!(checked.len(), 1);
    match &checked[0].state {
        State::New => "new".to_owned(),
        State::Unchanged(version) => format!("unchanged since {}", version.number()),
        State::Changed(version) => format!("changed since {}", version.number()),
        State::Gone(_) => "gone".to_owned(),
        State::Broken(breaks) => {
            let line = |found: &Break<'_>| {
                let at = found.finding.at();
                format!("{}:{}: {found}", at.line, at.column)
            };
            breaks.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

fn record(attributes: &str, fields: &str) -> String {
    format!("{{\"type\": \"record\", \"name\": \"user.create\"{attributes}, \"fields\": [\n{fields}]}}")
}

const NAME: &str = r#"{"name": "name", "type": "string"}"#;
const EMAIL: &str = r#"{"name": "email", "type": "string"}"#;

#[test]
fn a_schema_is_new_unchanged_changed_or_gone() {
    let first = record("", NAME);
    let locked = lock(Level::Backward, &[&first]);
    assert_eq!(state(&Lock::default(), &first), "new");
    assert_eq!(state(&lock(Level::Backward, &[]), &first), "new");
    assert_eq!(state(&locked, &first), "unchanged since 1");
    let documented = first.replace("\"fields\"", "\"doc\": \"now with a word on it\", \"fields\"");
    assert_eq!(state(&locked, &documented), "unchanged since 1");
    let with_default = r#"{"name": "email", "type": "string", "default": ""}"#;
    let changed = record("", &format!("{NAME}, {with_default}"));
    assert_eq!(state(&locked, &changed), "changed since 1");
    let gone = check(&locked, &[]);
    assert!(matches!(
        gone[..],
        [Checked {
            event: "user.create",
            state: State::Gone(_)
        }]
    ));
}

#[test]
fn a_break_says_what_against_which_version_and_what_to_do() {
    let both = record("", &format!("{NAME},\n  {EMAIL}"));
    assert_eq!(
        state(&lock(Level::Backward, &[&record("", NAME)]), &both),
        "3:12: `user.create` breaks BACKWARD: it does not read what was written with version 1 (id 7) of the subject \
         `users-value`: at `email`: the writer's `user.create` has no such field, and the reader's `string` has no \
         default; give `email` a default, or run `schema reset user.create` if the break is meant"
    );
    assert_eq!(
        state(&lock(Level::Forward, &[&both]), &record("", NAME)),
        "1:28: `user.create` breaks FORWARD: what it writes is not read with version 1 (id 7) of the subject \
         `users-value`: at `email`: the writer's `user.create` has no such field, and the reader's `string` has no \
         default; keep `email`: readers of the former version need it, it has no default there, or run \
         `schema reset user.create` if the break is meant"
    );
}

#[test]
fn one_mistake_against_several_versions_is_one_break() {
    let first = record("", NAME);
    let second = record(
        "",
        &format!("{NAME}, {{\"name\": \"age\", \"type\": \"int\", \"default\": 0}}"),
    );
    let locked = lock(Level::BackwardTransitive, &[&first, &first, &second]);
    let found = state(&locked, &record("", &format!("{NAME}, {EMAIL}")));
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(
        found.contains("with versions 1 (id 7), 2 (id 8) and 3 (id 9) of"),
        "{found}"
    );
}

#[test]
fn the_schema_may_declare_another_level_than_the_lock() {
    let locked = lock(Level::Backward, &[&record("", NAME)]);
    let both = |attributes: &str| record(attributes, &format!("{NAME}, {EMAIL}"));
    assert_eq!(
        state(&locked, &both(r#", "compatibility": "FORWARD""#)),
        "changed since 1"
    );
    assert_eq!(
        state(&locked, &both(r#", "compatibility": "NONE""#)),
        "changed since 1"
    );
    assert!(state(&locked, &both(r#", "compatibility": "FULL""#)).contains("breaks FULL"));
}

#[test]
fn a_unit_that_changes_breaks_although_the_bytes_are_the_same() {
    let field = |unit: &str| {
        let ty = format!("{{\"type\": \"long\", \"logicalType\": \"timestamp-{unit}\"}}");
        record("", &format!("{{\"name\": \"at\", \"type\": {ty}}}"))
    };
    let found = state(&lock(Level::Backward, &[&field("micros")]), &field("millis"));
    assert!(
        found.contains("at `at`: the writer's `long (timestamp-micros)` has the bytes"),
        "{found}"
    );
}

#[test]
fn a_level_that_was_raised_can_be_broken_by_the_last_version() {
    let other = record("", r#"{"name": "name", "type": "int"}"#);
    let locked = |level| lock(level, &[&other, &record("", NAME)]);
    assert_eq!(
        state(&locked(Level::Full), &record("", NAME)),
        "unchanged since 2"
    );
    let found = state(&locked(Level::BackwardTransitive), &record("", NAME));
    assert!(found.contains("with version 1 (id 7) of"), "{found}");
}

fn versions() -> impl Strategy<Value = Version> {
    let schema = (any::<String>(), "[a-z]{1,9}'{0,4}", 0usize..4).prop_map(|(default, alias, shape)| {
        let default = serde_json::Value::from(default + &alias);
        let field =
            format!("{{\"name\": \"f\", \"type\": \"string\", \"doc\": \"x\", \"default\": {default}}}");
        let inner = format!("{{\"type\": \"record\", \"name\": \"I\", \"fields\": [{field}]}}");
        match shape {
            0 => record("", ""),
            1 => record(
                ", \"note\": {\"fields\": [[1, {\"fields\": []}], \"fields\"]}",
                &field,
            ),
            2 => record(
                "",
                &format!("{field}, {{\"name\": \"g\", \"type\": [\"null\", {inner}]}}"),
            ),
            _ => record(
                ", \"x\": \"\\\"fields\\\":[\\\\\"",
                &format!("{{\"name\": \"g\", \"type\": {inner}}}"),
            ),
        }
    });
    let reference = (any::<String>(), any::<String>(), any::<u32>());
    let reference = reference.prop_map(|(name, subject, version)| Reference {
        name,
        subject,
        version,
    });
    let references = prop::collection::vec(reference, 0..3);
    (1u32.., any::<u32>(), schema, references)
        .prop_map(|(number, id, schema, references)| version(number, id, &schema).with_references(references))
}

fn events() -> impl Strategy<Value = Vec<(String, LockedEvent)>> {
    let level = prop::sample::select(&Level::ALL[..]);
    let event = (any::<String>(), level, prop::collection::vec(versions(), 0..4));
    let event = event.prop_map(|(subject, level, versions)| {
        let mut event = LockedEvent::new(subject, level);
        for version in versions {
            event.insert(version);
        }
        event
    });
    let events = prop::collection::btree_map(any::<String>(), event, 0..5);
    events.prop_map(|events| events.into_iter().collect())
}

fn locked(events: impl IntoIterator<Item = (String, LockedEvent)>) -> Lock {
    let mut lock = Lock::default();
    for (name, event) in events {
        lock.insert(name, event);
    }
    lock
}

proptest! {
    #[test]
    fn a_lock_is_what_its_text_says(events in events()) {
        let lock = locked(events);
        let text = lock.to_string();
        let parsed = Lock::parse(&text);
        prop_assert_eq!(parsed.as_ref(), Ok(&lock), "{}", text);
        prop_assert_eq!(parsed.map(|lock| lock.to_string()), Ok(text));
    }

    #[test]
    fn the_order_of_edits_does_not_matter(events in events()) {
        let backwards = events.iter().rev().map(|(name, event)| {
            let mut other = LockedEvent::new(event.subject.clone(), event.level);
            event.versions().rev().for_each(|version| drop(other.insert(version.clone())));
            (name.clone(), other)
        });
        prop_assert_eq!(locked(backwards).to_string(), locked(events.clone()).to_string());
    }

    #[test]
    fn any_text_is_a_lock_or_an_error_within_it(text in "[a-z0-9=\\[\\]{}.\"'\n <>|]{0,80}") {
        if let Err(error) = Lock::parse(&text) {
            prop_assert!(error.line as usize <= text.matches('\n').count() + 1);
        }
    }

    #[test]
    fn a_damaged_lock_never_panics(at in any::<prop::sample::Index>(), put in any::<char>()) {
        let mut text = TEXT.chars().collect::<Vec<_>>();
        let at = at.index(text.len());
        text[at] = put;
        let _ = Lock::parse(&text.into_iter().collect::<String>());
    }
}

#[test]
fn a_reset_gives_up_the_versions_and_remembers_where_to_begin() {
    let mut lock = lock(Level::Full, &[V1]);
    let event = lock.event_mut("user.create").unwrap();
    event.reset();
    assert_eq!((event.since, event.latest()), (2, None));
    event.reset();
    assert_eq!(event.since, 2);
    let text = lock.to_string();
    assert!(text.contains("compatibility = \"FULL\"\nsince = 2\n"), "{text}");
    assert_eq!(Lock::parse(&text).unwrap(), lock);
}
