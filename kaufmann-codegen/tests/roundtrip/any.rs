//! Any value of an event's schema, as property tests make it, survives all its forms.

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::json::{decode_json, encode_json};
use kaufmann_avro::{Encode, Schema, arbitrary};
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::encoded;

pub(crate) fn check<E, P>(schema: &Schema)
where
    E: Event + Clone + Debug + PartialEq + Serialize + DeserializeOwned,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let config = Config {
        cases: 32,
        failure_persistence: None,
        ..Config::default()
    };
    let survives = TestRunner::new(config).run(&arbitrary::values::<E>(E::INFO.schema), |event| {
        let datum = encoded(&event);
        let borrowed = P::decode(Body::new(&datum)).unwrap();
        assert_eq!(encoded(&borrowed), datum);
        assert_eq!(borrowed.into(), event);
        let again: E = serde_json::from_value(serde_json::to_value(&event).unwrap()).unwrap();
        assert_eq!(again, event);
        let json = decode_json(&schema.model, &schema.root, &datum).unwrap();
        let mut by_schema = Vec::new();
        encode_json(&schema.model, &schema.root, &json, &mut by_schema).unwrap();
        // Not the bytes: of two branches whose JSON is alike, one is taken.
        assert_eq!(
            decode_json(&schema.model, &schema.root, &by_schema).unwrap(),
            json
        );
        Ok(())
    });
    survives.unwrap_or_else(|error| panic!("{}: {error}", E::NAME));
}
