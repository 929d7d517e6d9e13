//! Stored data, in hexadecimal, a line for each schema: `samples.jsonl` was written by Java's Avro; `written.jsonl` was written by the
//! generated types, and Java reads it in the Kafka suite.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The data of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The event.
    pub event: String,
    /// The schema, self-contained, for Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The data.
    pub data: Vec<String>,
}

/// The data written by Java.
#[must_use]
pub fn of_java() -> PathBuf {
    here().join("samples.jsonl")
}

/// The data written by the generated types.
#[must_use]
pub fn of_ours() -> PathBuf {
    here().join("written.jsonl")
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the stored data.
///
/// # Errors
///
/// If the file is missing or was not written by [`write`].
pub fn read(file: &Path) -> io::Result<Vec<Line>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Replaces the stored data.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(file: &Path, lines: &[Line]) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line)?;
        text.push('\n');
    }
    fs::write(file, text)
}

/// Two digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of hexadecimal digits.
#[must_use]
pub fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}
