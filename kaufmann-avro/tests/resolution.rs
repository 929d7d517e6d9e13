//! What Java's Avro makes of a writer's bytes with a reader's schema, and which pairs it calls compatible, against ours.
//!
//! The data are written by `vectors/generate.sh`.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "resolution/fastavro.rs"]
mod fastavro;

use std::collections::BTreeMap;

use kaufmann_avro::compatibility::check;
use kaufmann_avro::resolve::Plan;
use kaufmann_avro::{Schema, json};
use serde_json::Value;

/// A line of a file of vectors.
struct Pair {
    line: usize,
    group: String,
    writer: Value,
    reader: Value,
    rest: Value,
}

fn pairs(text: &str) -> Vec<Pair> {
    let line = |(index, line): (usize, &str)| {
        let rest: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}", index + 1));
        Pair {
            line: index + 1,
            group: rest["group"].as_str().unwrap().to_owned(),
            writer: rest["writer"].clone(),
            reader: rest["reader"].clone(),
            rest,
        }
    };
    text.lines().enumerate().map(line).collect()
}

impl Pair {
    fn schemas(&self) -> (Schema, Schema) {
        let parse = |value: &Value| {
            Schema::parse(&value.to_string())
                .unwrap_or_else(|errors| panic!("line {}: {errors:?}", self.line))
        };
        (parse(&self.writer), parse(&self.reader))
    }

    fn vectors(&self) -> Vec<(Vec<u8>, Option<&Value>)> {
        let vectors = self.rest["vectors"].as_array().unwrap();
        let vector = |vector: &'_ Value| hex(vector["bytes"].as_str().unwrap());
        vectors
            .iter()
            .map(|each| (vector(each), each.get("value")))
            .collect()
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Ours: the reader's value, or why there is none.
fn resolve(writer: &Schema, reader: &Schema, bytes: &[u8]) -> Result<Value, String> {
    let plan = Plan::new(writer, reader).map_err(|errors| errors[0].to_string())?;
    json::resolve_json(&plan, reader, bytes).map_err(|error| match plan.explain(&error) {
        Some(reason) => reason.to_string(),
        None => error.to_string(),
    })
}

/// Recognises a difference by the bytes, our error and Java's value.
type Recognise = fn(&[u8], &str, &Value) -> bool;

/// Where ours is stricter than Java: the specification's sentence, how often it is met, and how to recognise it.
const STRICTER: [(&str, usize, Recognise); 3] = [
    (
        "A string is encoded as a long followed by that many bytes of UTF-8 encoded character data. \
         (Java puts U+FFFD for bytes that are none.)",
        14,
        |_, ours, java| ours.contains("not UTF-8") && java.to_string().contains('\u{fffd}'),
    ),
    (
        "To match, one of the following must hold: … both schemas are records with the same (unqualified) name. \
         (Java compares the names of enums and fixed only.)",
        5,
        |_, ours, java| ours.contains("neither the names nor an alias match") && java.is_object(),
    ),
    (
        "To match, one of the following must hold: both schemas are arrays whose item types match; both schemas are \
         maps whose value types match. (Java notices when it meets an item.)",
        2,
        |bytes, ours, _| bytes == [0] && ours.contains("cannot be read as"),
    ),
];

#[test]
fn every_value_is_the_one_that_java_reads() {
    let (mut vectors, mut wrong, mut stricter) = (0, Vec::new(), [0; STRICTER.len()]);
    let pairs = pairs(include_str!("vectors/resolution.jsonl"));
    for pair in &pairs {
        let (writer, reader) = pair.schemas();
        for (bytes, expected) in pair.vectors() {
            vectors += 1;
            let ours = resolve(&writer, &reader, &bytes);
            match (&ours, expected) {
                (Ok(ours), Some(theirs)) if ours == theirs => continue,
                (Err(_), None) => continue,
                (Err(ours), Some(theirs)) => {
                    let known = |(_, _, is): &(_, _, Recognise)| is(&bytes, ours, theirs);
                    if let Some(known) = STRICTER.iter().position(known) {
                        stricter[known] += 1;
                        continue;
                    }
                }
                _ => {}
            }
            wrong.push(format!(
                "line {} {} {bytes:02x?}\n  writer {}\n  reader {}\n  ours {ours:?}\n  java {expected:?}",
                pair.line, pair.group, pair.writer, pair.reader
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} of {vectors}",
        wrong.join("\n"),
        wrong.len()
    );
    assert_eq!(stricter, STRICTER.map(|(_, times, _)| times));
    assert!(
        pairs.len() >= 120 && vectors >= 600,
        "{} pairs, {vectors} vectors",
        pairs.len()
    );
}

#[test]
fn every_pair_is_compatible_if_java_says_so() {
    let mut wrong = BTreeMap::new();
    let pairs = pairs(include_str!("vectors/compatibility.jsonl"));
    for pair in &pairs {
        let (writer, reader) = pair.schemas();
        let findings = check(&writer, &reader);
        if Some(findings.is_empty()) != pair.rest["compatible"].as_bool() {
            let findings = findings.iter().map(ToString::to_string).collect::<Vec<_>>();
            let text = format!(
                "{}\n  writer {}\n  reader {}\n  ours {findings:?}",
                pair.group, pair.writer, pair.reader
            );
            wrong.insert(pair.line, text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{} of {}", wrong.len(), pairs.len());
    assert!(pairs.len() >= 150, "{} pairs", pairs.len());
}
