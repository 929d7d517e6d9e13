//! serde's errors about invalid values, reworded for users: without the names of Rust's types.

/// Describes what is wrong with a value. `object` is the format's word for a value with fields: "a table", "an object".
#[cfg_attr(
    not(any(feature = "cli", feature = "registry")),
    allow(dead_code, reason = "nothing is read")
)]
pub(crate) fn describe(error: &serde_json::Error, object: &str) -> String {
    reworded(&error.to_string(), object)
}

/// Like [`describe`], without the value, which may be a secret.
pub(crate) fn describe_without_value(error: &serde_json::Error, object: &str) -> String {
    without_value(&reworded(&error.to_string(), object))
}

fn reworded(text: &str, object: &str) -> String {
    let Some((found, expected)) = text.rsplit_once(", expected ") else {
        return match text.strip_prefix("data did not match any variant of ") {
            Some(rest) => format!("it has none of the known forms{}", place(rest)),
            None => text.to_owned(),
        };
    };
    let at = place(expected);
    let expected = expected.strip_suffix(at).unwrap_or(expected);
    format!("{found}, expected {}{at}", without_type(expected, object))
}

/// ` at line 1 column 7`, which errors of parsed texts end with; else empty.
fn place(text: &str) -> &str {
    text.rfind(" at line ").map_or("", |at| &text[at..])
}

/// What is expected, without a type's name.
fn without_type(expected: &str, object: &str) -> String {
    let mut words = expected.split(' ');
    let first = words.next().unwrap_or_default();
    let whole = |min: &dyn std::fmt::Display, max: &dyn std::fmt::Display| {
        format!("a whole number from {min} to {max}")
    };
    match (first, words.next()) {
        ("struct", Some(_)) | ("internally", Some("tagged")) | ("a", Some("map")) => object.to_owned(),
        ("variant", _) => object.to_owned(),
        ("tuple", Some(_)) | ("a", Some("tuple" | "sequence")) => "a list".to_owned(),
        ("enum", Some(_)) => "one of the known names".to_owned(),
        ("newtype", Some(_)) => "another value".to_owned(),
        ("unit", _) => "nothing".to_owned(),
        ("a", Some("string" | "borrowed")) => "a text".to_owned(),
        ("a", Some("boolean")) => "true or false".to_owned(),
        ("u8", None) => whole(&u8::MIN, &u8::MAX),
        ("u16", None) => whole(&u16::MIN, &u16::MAX),
        ("u32", None) => whole(&u32::MIN, &u32::MAX),
        ("u64" | "usize", None) => whole(&u64::MIN, &u64::MAX),
        ("u128", None) => whole(&u128::MIN, &u128::MAX),
        ("i8", None) => whole(&i8::MIN, &i8::MAX),
        ("i16", None) => whole(&i16::MIN, &i16::MAX),
        ("i32", None) => whole(&i32::MIN, &i32::MAX),
        ("i64" | "isize", None) => whole(&i64::MIN, &i64::MAX),
        ("i128", None) => whole(&i128::MIN, &i128::MAX),
        ("f32" | "f64", None) => "a number".to_owned(),
        _ => expected.to_owned(),
    }
}

fn without_value(text: &str) -> String {
    let shows = ["invalid type: ", "invalid value: ", "unknown variant "];
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if shows.iter().any(|start| found.starts_with(start)) => {
            let what = found.split(['"', '`']).next().unwrap_or_default();
            format!("{}, expected {expected}", what.trim_end())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are never made")]
    struct Secretive {
        count: u32,
        pair: Option<(u8, u8)>,
        inner: Option<Box<Secretive>>,
        choice: Option<Choice>,
        either: Option<Either>,
        marker: Option<Marker>,
        small: Option<i8>,
        share: Option<f32>,
        #[serde(default)]
        list: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "they are never made")]
    enum Choice {
        One,
        Two { of: u8 },
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "they are never made")]
    enum Either {
        Number(u8),
        Text(String),
    }

    #[derive(Debug, Deserialize)]
    struct Marker;

    fn wrong<T: DeserializeOwned + std::fmt::Debug>(value: serde_json::Value) -> String {
        describe(&serde_json::from_value::<T>(value).unwrap_err(), "a table")
    }

    #[test]
    fn what_is_expected_is_described_without_the_names_of_types() {
        for (value, text) in [
            (json!(7), "invalid type: integer `7`, expected a table"),
            (
                json!({"count": 1_u64 << 32}),
                "invalid value: integer `4294967296`, expected a whole number from 0 to 4294967295",
            ),
            (
                json!({"count": 1, "small": 200}),
                "invalid value: integer `200`, expected a whole number from -128 to 127",
            ),
            (
                json!({"count": 1, "share": "x"}),
                "invalid type: string \"x\", expected a number",
            ),
            (
                json!({"count": 1, "inner": []}),
                "invalid length 0, expected a table",
            ),
            (
                json!({"count": 1, "pair": [1]}),
                "invalid length 1, expected a list",
            ),
            (
                json!({"count": 1, "list": {}}),
                "invalid type: map, expected a list",
            ),
            (
                json!({"count": 1, "list": [1]}),
                "invalid type: integer `1`, expected a text",
            ),
            (
                json!({"count": 1, "either": []}),
                "it has none of the known forms",
            ),
            (
                json!({"count": 1, "marker": 1}),
                "invalid type: integer `1`, expected nothing",
            ),
            (json!({}), "missing field `count`"),
            (
                json!({"count": 1, "choice": "Three"}),
                "unknown variant `Three`, expected `One` or `Two`",
            ),
        ] {
            assert_eq!(wrong::<Secretive>(value), text);
        }
        for value in [
            json!(1),
            json!({"Two": 5}),
            json!({"Two": {"of": []}}),
            json!([1]),
        ] {
            let text = wrong::<Choice>(value);
            assert!(!text.contains("Choice") && !text.contains("u8"), "{text}");
        }
    }

    #[test]
    fn the_place_in_a_text_is_kept() {
        let error = serde_json::from_str::<Secretive>("\n [1, 2]").unwrap_err();
        let text = describe(&error, "an object");
        assert!(
            text.ends_with(" at line 2 column 3") || text.contains(" at line 2 "),
            "{text}"
        );
        assert!(!text.contains("Secretive"), "{text}");
    }

    #[test]
    fn a_value_that_may_be_a_secret_is_left_out() {
        let error =
            serde_json::from_value::<Secretive>(json!({"count": "hunter2, expected hunter2"})).unwrap_err();
        assert_eq!(
            describe_without_value(&error, "a table"),
            "invalid type: string, expected a whole number from 0 to 4294967295"
        );
    }
}
