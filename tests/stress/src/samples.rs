//! Data that are kept, each datum in hexadecimal: what Java's Avro has written (`samples.jsonl`), and what the generated types
//! write (`written.jsonl`), which Java reads in the suite against Kafka. A line for each schema.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The data of a schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The event.
    pub event: String,
    /// The schema, complete in itself, for who does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The data.
    pub data: Vec<String>,
}

/// What Java has written.
#[must_use]
pub fn of_java() -> PathBuf {
    here().join("samples.jsonl")
}

/// What the generated types write.
#[must_use]
pub fn of_ours() -> PathBuf {
    here().join("written.jsonl")
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads them.
///
/// # Errors
///
/// If the file is missing or is not what [`write`] writes.
pub fn read(file: &Path) -> io::Result<Vec<Line>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Writes them anew.
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
