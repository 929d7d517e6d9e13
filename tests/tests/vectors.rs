//! The vectors of kaufmann-avro, which Java's Avro has written, read by generated types.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[macro_use]
mod readers {
    include!(concat!(env!("OUT_DIR"), "/readers.rs"));
}

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::json::{decode_json, resolve_json};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{DecodeErrorKind, Encode, Schema};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../kaufmann-avro/tests/vectors/resolution.jsonl");

/// What became of the vectors.
#[derive(PartialEq, Debug, Default)]
struct Count {
    /// Java reads a value, and so do we.
    values: usize,
    /// Java fails, and so do we.
    errors: usize,
    /// Java reads a value, and we fail for a reason that the schema-driven codec's test lists.
    stricter: usize,
    /// The bytes are not a value of the logical type, which Java was not asked for.
    illogical: usize,
}

#[test]
fn generated_types_read_what_java_reads() {
    let pairs = VECTORS
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let pairs = pairs.collect::<Vec<_>>();
    let mut count = Count::default();
    macro_rules! each {
        ($reader:literal, $owned:ty, $borrowed:ty) => {
            let reader: Value = serde_json::from_str($reader).unwrap();
            for pair in pairs.iter().filter(|pair| pair["reader"] == reader) {
                check::<$owned, $borrowed>(pair, &mut count);
            }
        };
    }
    use readers::*;
    each_reader!(each);
    let expected = Count {
        values: 915,
        errors: 377,
        stricter: 21,
        illogical: 3,
    };
    assert_eq!(count, expected);
}

fn check<E, P>(pair: &Value, count: &mut Count)
where
    E: Event + Debug,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let reader = Schema::parse(E::INFO.schema).unwrap();
    let writer =
        json!({"type": "record", "name": "Reader", "fields": [{"name": "value", "type": pair["writer"]}]});
    let writer = Schema::parse(&writer.to_string()).unwrap();
    let plan = Plan::new(&writer, &reader);
    for vector in pair["vectors"].as_array().unwrap() {
        let (bytes, java) = (hex(vector["bytes"].as_str().unwrap()), vector.get("value"));
        let name = format!("{} as {}: {vector}", pair["writer"], pair["reader"]);
        let Ok(plan) = &plan else {
            *if java.is_some() {
                &mut count.stricter
            } else {
                &mut count.errors
            } += 1;
            continue;
        };
        let borrowed = P::decode(Body::resolved(&bytes, plan));
        match (resolve::decode::<E>(&bytes, plan), java) {
            (Ok(owned), Some(java)) => {
                count.values += 1;
                let mut again = Vec::new();
                owned.encode(&mut again);
                assert_eq!(
                    decode_json(&reader.model, &reader.root, &again).unwrap()["value"],
                    *java,
                    "{name}"
                );
                assert_eq!(
                    format!("{:?}", borrowed.unwrap().into()),
                    format!("{owned:?}"),
                    "{name}"
                );
            }
            (Ok(owned), None) => panic!("{name}: {owned:?}"),
            (Err(error), _) => {
                assert_eq!(borrowed.err(), Some(error.clone()), "{name}");
                match (java, resolve_json(plan, &reader, &bytes)) {
                    (None, _) => count.errors += 1,
                    (Some(_), Err(same)) if same == error => count.stricter += 1,
                    (Some(_), _) => {
                        let kinds = [DecodeErrorKind::Uuid, DecodeErrorKind::Decimal];
                        assert!(kinds.contains(&error.kind()), "{name}: {error}");
                        count.illogical += 1;
                    }
                }
            }
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
