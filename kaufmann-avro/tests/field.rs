//! What serde makes of the fields of generated types is what the codec by schema takes and prints.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fmt::Debug;

use kaufmann_avro::json::{decode_json, encode_json, field};
use kaufmann_avro::{Schema, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn written<T: field::Field>(value: &T) -> Value {
    field::serialize(value, serde_json::value::Serializer).unwrap()
}

/// It comes back, and its JSON is that of the schema, both ways.
fn is_the_json_of<T: field::Field + Debug>(schema: &str, value: &T) {
    let json = written(value);
    let schema = Schema::parse(schema).unwrap();
    let mut bytes = Vec::new();
    encode_json(&schema.model, &schema.root, &json, &mut bytes).unwrap();
    assert_eq!(decode_json(&schema.model, &schema.root, &bytes).unwrap(), json);
    let back: T = field::deserialize(json).unwrap();
    // NaN is not equal to itself, but looks the same.
    assert_eq!(format!("{back:?}"), format!("{value:?}"));
}

#[test]
fn what_json_has_no_number_for_is_a_word_within_containers_too() {
    let doubles = vec![None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)];
    assert_eq!(written(&doubles), json!([null, "NaN", "Infinity", "-Infinity"]));
    is_the_json_of(r#"{"type": "array", "items": ["null", "double"]}"#, &doubles);
    assert_eq!(field::deserialize::<f64, _>(json!(-3)).unwrap(), -3.0);
    assert_eq!(
        field::deserialize::<f32, _>(json!(u64::MAX)).unwrap(),
        u64::MAX as f32
    );
}

#[test]
fn what_is_refused_by_schema_is_refused_by_serde() {
    let error = |result: Result<Vec<u8>, serde_json::Error>| result.unwrap_err().to_string();
    assert_eq!(
        error(field::deserialize(json!("€"))),
        "expected a string of code points from 0 to 255"
    );
    assert!(field::deserialize::<Vec<u8>, _>(json!([65])).is_err());
    let short = field::deserialize::<[u8; 2], _>(json!("a")).unwrap_err();
    assert_eq!(short.to_string(), "expected 2 bytes, found 1");
    let beyond = field::deserialize::<f32, _>(json!(1e39)).unwrap_err();
    assert_eq!(beyond.to_string(), "expected a float (32 bits)");
    assert!(field::deserialize::<f64, _>(json!("nan")).is_err());
    assert!(field::deserialize::<f64, _>(json!(null)).is_err());
}

proptest! {
    #[test]
    fn all_bytes_are_the_json_of_their_schema(bytes: Vec<u8>, four: [u8; 4], blobs: BTreeMap<String, Vec<u8>>) {
        let mut datum = Vec::new();
        encode::bytes(&mut datum, &bytes);
        let schema = Schema::parse(r#""bytes""#).unwrap();
        prop_assert_eq!(decode_json(&schema.model, &schema.root, &datum).unwrap(), written(&bytes));
        is_the_json_of(r#""bytes""#, &bytes);
        is_the_json_of(r#"{"type": "fixed", "name": "F", "size": 4}"#, &four);
        is_the_json_of(r#"{"type": "map", "values": "bytes"}"#, &blobs);
    }

    #[test]
    fn all_doubles_are_the_json_of_their_schema(double in prop::num::f64::ANY) {
        is_the_json_of(r#""double""#, &double);
    }

    #[test]
    fn all_floats_come_back(float in prop::num::f32::ANY) {
        let back: f32 = field::deserialize(written(&float)).unwrap();
        prop_assert!(back == float || back.is_nan() && float.is_nan());
    }
}
