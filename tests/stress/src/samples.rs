//! Data that Java's Avro has written, kept in `samples.jsonl`: a line for each schema, each datum in hexadecimal.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The data of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The event.
    pub event: String,
    /// The data.
    pub data: Vec<String>,
}

/// Where they stand.
#[must_use]
pub fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples.jsonl")
}

/// Reads them.
///
/// # Errors
///
/// If the file is missing or is not what [`write`] writes.
pub fn read() -> std::io::Result<Vec<Line>> {
    let text = fs::read_to_string(file())?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Writes them anew.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(lines: &[Line]) -> std::io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line)?;
        text.push('\n');
    }
    fs::write(file(), text)
}

/// Two digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of such digits.
#[must_use]
pub fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}
