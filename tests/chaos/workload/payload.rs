//! The payloads: jobs with a producer's schemas, and invalid ones.

use kaufmann_tests::chaos::Dice;
use kaufmann_tests::rig::Datum;

/// An invalid payload: truncated, without a frame, empty, or, rarely, with an unknown schema: the registry is asked
/// six times for each of these.
pub(super) fn poison(dice: &mut Dice, datum: &Datum, schema: i32) -> Vec<u8> {
    let mut framed = datum.framed(schema);
    match dice.between(0, 9) {
        0..=2 => framed.truncate(framed.len() - 1),
        3..=5 => framed = b"{\"not\": \"framed\"}".to_vec(),
        6..=8 => framed.clear(),
        _ => framed = datum.framed(i32::MAX),
    }
    framed
}

/// A producer's schema of `chaos.job`; each version has an additional field that the service does not know.
pub(crate) fn writer_schema(version: usize) -> String {
    format!(
        r#"{{"type": "record", "namespace": "chaos", "name": "job", "fields": [
            {{"name": "number", "type": "long"}},
            {{"name": "extra_{version}", "type": "string", "default": ""}},
            {{"name": "key", "type": "string"}}
        ]}}"#
    )
}

/// A job, by the producer's schema of this version.
pub(super) fn datum(version: usize, number: i64, key: &str) -> Datum {
    Datum::default()
        .long(number)
        .text(&format!("v{version}"))
        .text(key)
}
