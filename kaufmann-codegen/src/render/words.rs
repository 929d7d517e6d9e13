//! The names of generated code that are not the schema's, and which of them mean something else in a module.

use std::collections::BTreeSet;

/// Where a name of generated code comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Origin {
    /// It is in scope everywhere.
    Prelude,
    /// Each module that needs it brings it in.
    Import,
}

/// Each word that the templates write, with its full path, which replaces it in a module where the schemas have a type or a
/// module of that name.
const WORDS: &[(&str, &str, Origin)] = &[
    ("BTreeMap", "::std::collections::BTreeMap", Origin::Import),
    ("BigDecimal", "::kaufmann::types::BigDecimal", Origin::Import),
    ("Body", "::kaufmann::__private::Body", Origin::Import),
    ("Box", "::std::boxed::Box", Origin::Prelude),
    ("Clone", "::core::clone::Clone", Origin::Prelude),
    ("Cursor", "::kaufmann::__private::avro::Cursor", Origin::Import),
    ("Date", "::kaufmann::types::Date", Origin::Import),
    ("Decimal", "::kaufmann::types::Decimal", Origin::Import),
    ("Decode", "::kaufmann::__private::avro::Decode", Origin::Import),
    (
        "DecodeError",
        "::kaufmann::__private::avro::DecodeError",
        Origin::Import,
    ),
    (
        "DecodeResolved",
        "::kaufmann::__private::avro::resolve::DecodeResolved",
        Origin::Import,
    ),
    ("Default", "::core::default::Default", Origin::Prelude),
    (
        "Deserialize",
        "::kaufmann::__private::serde::Deserialize",
        Origin::Import,
    ),
    ("Duration", "::kaufmann::types::Duration", Origin::Import),
    ("Encode", "::kaufmann::__private::avro::Encode", Origin::Import),
    ("Err", "::core::result::Result::Err", Origin::Prelude),
    ("Event", "::kaufmann::Event", Origin::Import),
    ("EventInfo", "::kaufmann::EventInfo", Origin::Import),
    ("From", "::core::convert::From", Origin::Prelude),
    (
        "LocalTimestampMicros",
        "::kaufmann::types::LocalTimestampMicros",
        Origin::Import,
    ),
    (
        "LocalTimestampMillis",
        "::kaufmann::types::LocalTimestampMillis",
        Origin::Import,
    ),
    (
        "LocalTimestampNanos",
        "::kaufmann::types::LocalTimestampNanos",
        Origin::Import,
    ),
    ("None", "::core::option::Option::None", Origin::Prelude),
    ("Ok", "::core::result::Result::Ok", Origin::Prelude),
    (
        "OnFixed",
        "::kaufmann::__private::avro::logical::OnFixed",
        Origin::Import,
    ),
    ("Option", "::core::option::Option", Origin::Prelude),
    ("Payload", "::kaufmann::Payload", Origin::Import),
    ("Result", "::core::result::Result", Origin::Prelude),
    (
        "Serialize",
        "::kaufmann::__private::serde::Serialize",
        Origin::Import,
    ),
    ("Some", "::core::option::Option::Some", Origin::Prelude),
    (
        "Step",
        "::kaufmann::__private::avro::resolve::Step",
        Origin::Import,
    ),
    ("String", "::std::string::String", Origin::Prelude),
    ("TimeMicros", "::kaufmann::types::TimeMicros", Origin::Import),
    ("TimeMillis", "::kaufmann::types::TimeMillis", Origin::Import),
    (
        "TimestampMicros",
        "::kaufmann::types::TimestampMicros",
        Origin::Import,
    ),
    (
        "TimestampMillis",
        "::kaufmann::types::TimestampMillis",
        Origin::Import,
    ),
    (
        "TimestampNanos",
        "::kaufmann::types::TimestampNanos",
        Origin::Import,
    ),
    ("Uuid", "::kaufmann::types::Uuid", Origin::Import),
    ("Vec", "::std::vec::Vec", Origin::Prelude),
    ("bool", "::core::primitive::bool", Origin::Prelude),
    ("f32", "::core::primitive::f32", Origin::Prelude),
    ("f64", "::core::primitive::f64", Origin::Prelude),
    ("i32", "::core::primitive::i32", Origin::Prelude),
    ("i64", "::core::primitive::i64", Origin::Prelude),
    ("str", "::core::primitive::str", Origin::Prelude),
    ("u32", "::core::primitive::u32", Origin::Prelude),
    ("u64", "::core::primitive::u64", Origin::Prelude),
    ("u8", "::core::primitive::u8", Origin::Prelude),
    ("usize", "::core::primitive::usize", Origin::Prelude),
    ("write", "::kaufmann::__private::avro::encode", Origin::Import),
];

/// The index of a word.
pub(super) type Word = usize;

/// The word that a name is, if it is one.
pub(super) fn find(name: &str) -> Option<Word> {
    WORDS.binary_search_by(|(word, ..)| (*word).cmp(name)).ok()
}

/// A word's full path.
pub(super) fn path(word: Word) -> &'static str {
    WORDS[word].1
}

/// Every word, for code whose surroundings may have any items.
pub(super) fn all() -> BTreeSet<Word> {
    (0..WORDS.len()).collect()
}

/// The statement that brings in those of the words that are not in scope everywhere.
pub(super) fn import(word: Word) -> Option<String> {
    let (name, path, origin) = WORDS[word];
    let end = path.rsplit("::").next().unwrap_or(path);
    (origin == Origin::Import).then(|| {
        if end == name {
            format!("use {path};")
        } else {
            format!("use {path} as {name};")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{WORDS, find};

    #[test]
    fn every_word_is_found() {
        assert!(WORDS.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for (index, (word, ..)) in WORDS.iter().enumerate() {
            assert_eq!(find(word), Some(index));
        }
        assert_eq!(find("Order"), None);
    }
}
