use super::*;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn record(fields: &str) -> Schema {
    schema(&format!(
        "{{\"type\": \"record\", \"name\": \"a.User\",\n\"fields\": [\n{fields}]}}"
    ))
}

/// What is found, as its texts.
fn found(level: Level, new: &Schema, history: &[&Schema]) -> Vec<String> {
    let history = history
        .iter()
        .map(|schema| Typed::from(*schema))
        .collect::<Vec<_>>();
    let findings = check_history(level, new.into(), &history);
    findings.iter().map(ToString::to_string).collect()
}

const NAME: &str = r#"{"name": "name", "type": "string"}"#;
const EMAIL: &str = r#"{"name": "email", "type": "string"}"#;

#[test]
fn a_new_field_without_a_default_reads_nothing_old() {
    let (old, new) = (record(NAME), record(&format!("{NAME},\n  {EMAIL}")));
    let findings = check(&old, &new);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].to_string(),
        "at `email`: the writer's `a.User` has no such field, and the reader's `string` has no default; \
         give `email` a default"
    );
    assert_eq!((findings[0].at().line, findings[0].at().column), (4, 12));
}

#[test]
fn a_lost_field_without_a_default_is_missed_by_old_readers() {
    let (old, new) = (record(&format!("{NAME}, {EMAIL}")), record(NAME));
    assert!(found(Level::Backward, &new, &[&old]).is_empty());
    let forward = found(Level::Forward, &new, &[&old]);
    assert_eq!(forward.len(), 1);
    assert!(
        forward[0].ends_with("keep `email`: readers of the former version need it, it has no default there"),
        "{forward:?}"
    );
    assert_eq!(found(Level::Full, &new, &[&old]), forward);
}

#[test]
fn only_transitive_levels_look_beyond_the_last_version() {
    let first = record(r#"{"name": "n", "type": "string"}"#);
    let last = record(r#"{"name": "n", "type": "int"}"#);
    let new = record(r#"{"name": "n", "type": "long"}"#);
    assert!(found(Level::Backward, &new, &[&first, &last]).is_empty());
    assert_eq!(found(Level::BackwardTransitive, &new, &[&first, &last]).len(), 1);
    assert_eq!(found(Level::Forward, &new, &[&first, &last]).len(), 1);
    assert_eq!(found(Level::ForwardTransitive, &new, &[&first, &last]).len(), 2);
    assert_eq!(found(Level::Full, &new, &[&first, &last]).len(), 1);
    assert_eq!(found(Level::FullTransitive, &new, &[&first, &last]).len(), 3);
    assert!(found(Level::None, &new, &[&first, &last]).is_empty());
    assert!(found(Level::FullTransitive, &new, &[]).is_empty());
}

#[test]
fn a_finding_says_against_which_version() {
    let (first, last) = (record(NAME), record(&format!("{NAME}, {EMAIL}")));
    let new = record(EMAIL);
    let history = [(&first).into(), (&last).into()];
    let findings = check_history(Level::BackwardTransitive, (&new).into(), &history);
    let against = findings.iter().map(|finding| finding.against).collect::<Vec<_>>();
    assert_eq!(against, [0]);
}

#[test]
fn every_hint_says_what_to_do() {
    let pairs = [
        (
            r#""int""#,
            r#""string""#,
            "keep `int`, or add a field of another name beside `f`",
        ),
        (
            r#"["null", "string"]"#,
            r#"["null", "int"]"#,
            "add `string` to the union",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A", "B"]}"#,
            r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#,
            "keep it, or give the enum a default",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 4}"#,
            r#"{"type": "fixed", "name": "F", "size": 8}"#,
            "keep its size of 4 bytes",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": 4}"#,
            r#"{"type": "fixed", "name": "G", "size": 4}"#,
            "give `a.G` the alias `a.F`",
        ),
        (
            r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
            r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
            "keep `long (timestamp-micros)`, or add a field of another name beside `f`",
        ),
    ];
    for (old, new, hint) in pairs {
        let field = |ty: &str| record(&format!("{{\"name\": \"f\", \"type\": {ty}}}"));
        let findings = check(&field(old), &field(new));
        let hints = findings.iter().map(Finding::hint).collect::<Vec<_>>();
        assert_eq!(hints, [hint], "{old} {new}");
    }
}

#[test]
fn unmatched_branches_and_symbols_count_although_they_may_never_be_met() {
    let old = schema(
        r#"["null", "string", {"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}]"#,
    );
    let new =
        schema(r#"["null", {"type": "record", "name": "R", "fields": [{"name": "y", "type": "int"}]}]"#);
    let findings = check(&old, &new);
    let paths = findings
        .iter()
        .map(|finding| &*finding.error.path)
        .collect::<Vec<_>>();
    assert_eq!(paths, ["", "y"]);
    assert!(resolve::Plan::new(&old, &new).is_ok());
}

#[test]
fn levels_have_the_names_of_registries() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
        assert_eq!(level.as_str().to_lowercase().parse(), Ok(level));
    }
    assert_eq!(
        "backwards".parse::<Level>().unwrap_err().to_string(),
        "`backwards` is not a compatibility level, use one of NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, \
         FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE"
    );
}

#[test]
fn a_finding_is_where_the_new_version_differs() {
    let old = record(
        "{\"name\": \"a\", \"type\": \"int\"},\n{\"name\": \"e\", \"type\": {\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"A\"]}}",
    );
    let new = record(
        "{\"name\": \"a\",\n \"type\": \"string\"},\n{\"name\": \"e\", \"type\": {\"type\": \"enum\", \"name\": \"E\", \"symbols\": [\"B\"]}}",
    );
    let places = |level| {
        let findings = check_history(level, (&new).into(), &[(&old).into()]);
        let places = findings
            .iter()
            .map(|finding| (finding.error.path.clone(), finding.at()));
        places
            .map(|(path, at)| (path, at.line, at.column))
            .collect::<Vec<_>>()
    };
    let expected = [("a".to_owned(), 4, 10), ("e".to_owned(), 5, 48)];
    assert_eq!(places(Level::Backward), expected);
    assert_eq!(places(Level::Forward), expected);
}
