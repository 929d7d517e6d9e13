//! Serde for the fields of generated types whose JSON is not serde's own: bytes are a string of the code points 0 to 255,
//! and floats may be `"NaN"`, `"Infinity"` and `"-Infinity"`, as everywhere in [`json`](super).
//!
//! ```
//! use kaufmann_avro::json::field;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Picture {
//!     #[serde(with = "field")]
//!     pixels: Vec<u8>,
//!     #[serde(with = "field")]
//!     scale: Option<f64>,
//! }
//!
//! let picture = Picture { pixels: vec![0x41, 0xff], scale: Some(f64::INFINITY) };
//! let json = serde_json::to_string(&picture)?;
//! assert_eq!(json, r#"{"pixels":"Aÿ","scale":"Infinity"}"#);
//! assert_eq!(serde_json::from_str::<Picture>(&json)?.pixels, picture.pixels);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Formats that are not human-readable keep serde's own form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text;

/// A type that has bytes or floats in it.
pub trait Field: Sized {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// If the value has another form, and those of the deserializer.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<T: Field, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

/// For `#[serde(with = …)]`.
///
/// # Errors
///
/// If the value has another form, and those of the deserializer.
pub fn deserialize<'de, T: Field, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

impl Field for Vec<u8> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_bytes(self, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Self::deserialize(deserializer);
        }
        let bytes = Cow::<'_, str>::deserialize(deserializer)?;
        text::to_bytes(&bytes).ok_or_else(|| Error::custom("expected a string of code points from 0 to 255"))
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_bytes(self, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::read(deserializer)?;
        let length = bytes.len();
        Self::try_from(bytes).map_err(|_| D::Error::custom(format!("expected {N} bytes, found {length}")))
    }
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&text::of_bytes(bytes))
    } else {
        serializer.collect_seq(bytes)
    }
}

impl Field for f64 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match text::of_double(*self) {
            Some(word) if serializer.is_human_readable() => serializer.serialize_str(word),
            _ => serializer.serialize_f64(*self),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Double)
        } else {
            Self::deserialize(deserializer)
        }
    }
}

impl Field for f32 {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match text::of_double((*self).into()) {
            Some(word) if serializer.is_human_readable() => serializer.serialize_str(word),
            _ => serializer.serialize_f32(*self),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Self::deserialize(deserializer);
        }
        text::narrow(deserializer.deserialize_any(Double)?)
            .ok_or_else(|| Error::custom("expected a float (32 bits)"))
    }
}

/// A number, or the word for one that is not finite.
struct Double;

impl Visitor<'_> for Double {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a number, "NaN", "Infinity" or "-Infinity""#)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<f64, E> {
        text::to_double(word).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
    }
}

/// A part of a field.
struct Part<T>(T);

impl<T: Field> Serialize for Part<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl<'de, T: Field> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl<T: Field> Field for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(Part).serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<Part<T>>::deserialize(deserializer)?;
        Ok(value.map(|Part(value)| value))
    }
}

impl<T: Field> Field for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Part))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Part<T>>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|Part(item)| item).collect())
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key, Part(value))))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<String, Part<T>>::deserialize(deserializer)?;
        Ok(entries
            .into_iter()
            .map(|(key, Part(value))| (key, value))
            .collect())
    }
}
