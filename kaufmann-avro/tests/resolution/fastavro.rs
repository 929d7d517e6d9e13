//! What fastavro makes of the vectors that Java has answered, and why it differs where it does: `vectors/fastavro_oracle.py`
//! has asked it.

use kaufmann_avro::json;
use serde_json::Value;

use super::{hex, pairs, resolve};

/// One answer beside the others.
struct Answers<'a> {
    reader: &'a Value,
    java: Option<&'a Value>,
    fastavro: Option<Value>,
    ours: Result<Value, String>,
}

/// Recognises a difference.
type Recognise = fn(&Answers<'_>) -> bool;

/// Where fastavro differs from Java: the specification's sentence, how often it is met, and how to recognise it. In the first
/// three fastavro does as we do, in the last three we do as Java does.
const DIFFERENCES: [(&str, usize, Recognise); 6] = [
    (
        "A string is encoded as a long followed by that many bytes of UTF-8 encoded character data. \
         (Java puts U+FFFD for bytes that are none.)",
        14,
        |all| all.refused("not UTF-8"),
    ),
    (
        "To match, one of the following must hold: … both schemas are records with the same (unqualified) name. \
         (Java compares the names of enums and fixed only.)",
        5,
        |all| all.refused("neither the names nor an alias match"),
    ),
    (
        "To match, one of the following must hold: both schemas are arrays whose item types match; both schemas are \
         maps whose value types match. (Java notices when it meets an item.)",
        2,
        |all| all.refused("cannot be read as"),
    ),
    (
        "Values of bytes and fixed defaults are JSON strings, where Unicode code points 0-255 are mapped to unsigned 8-bit \
         byte values 0-255. (fastavro gives the string.)",
        15,
        |all| all.as_java() && all.fastavro.is_none() && all.reader.to_string().contains(r#""default":"\u"#),
    ),
    (
        "The first schema in the reader's union that matches the recursively resolved writer's union schema is used. \
         (Taken literally, string goes to bytes before string; Java and ours look for the exact type first.)",
        1,
        |all| all.as_java() && *all.reader == serde_json::json!(["bytes", "string"]),
    ),
    (
        "The same sentence, of two records of one unqualified name: Java and ours look for the full name first.",
        5,
        |all| all.as_java() && all.reader.to_string().contains(r#""name":"y.R""#),
    ),
];

impl Answers<'_> {
    /// Java reads a value, and neither fastavro nor we do.
    fn refused(&self, why: &str) -> bool {
        let ours = self.ours.as_ref().is_err_and(|error| error.contains(why));
        ours && self.fastavro.is_none() && self.java.is_some()
    }

    fn as_java(&self) -> bool {
        self.ours.as_ref().ok() == self.java
    }
}

#[test]
fn fastavro_differs_from_java_only_where_it_is_listed() {
    let answers = include_str!("../vectors/fastavro.jsonl").lines();
    let pairs = pairs(include_str!("../vectors/resolution.jsonl"));
    assert_eq!(answers.clone().count(), pairs.len());
    let (mut vectors, mut unknown, mut times) = (0, Vec::new(), [0; DIFFERENCES.len()]);
    for (pair, answers) in pairs.iter().zip(answers) {
        let (writer, reader) = pair.schemas();
        let answers: Vec<Option<String>> = serde_json::from_str(answers).unwrap();
        assert_eq!(answers.len(), pair.vectors().len(), "line {}", pair.line);
        for ((bytes, java), answer) in pair.vectors().into_iter().zip(answers) {
            vectors += 1;
            // Its answer is in the reader's bytes.
            let value =
                |answer: String| json::decode_json(&reader.model, &reader.root, &hex(&answer)).unwrap();
            let all = Answers {
                reader: &pair.reader,
                java,
                fastavro: answer.map(value),
                ours: resolve(&writer, &reader, &bytes),
            };
            if all.fastavro.as_ref() == java {
                continue;
            }
            match DIFFERENCES.iter().position(|(_, _, is)| is(&all)) {
                Some(known) => times[known] += 1,
                None => unknown.push(format!(
                    "line {} {bytes:02x?}: java {java:?}, fastavro {:?}, ours {:?}",
                    pair.line, all.fastavro, all.ours
                )),
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert_eq!(times, DIFFERENCES.map(|(_, times, _)| times));
    assert_eq!(vectors, 1_316);
}
