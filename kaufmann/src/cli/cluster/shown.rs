//! Makes bytes and records safe to print: data from a topic may be anything, including control sequences of the terminal.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::record::Record;

/// Bytes as text if they are printable UTF-8; else as `0x…`.
pub(crate) fn printable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => bytes.iter().fold("0x".to_owned(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        }),
    }
}

/// A text for a column: control characters are replaced, and a longer text is cut.
pub(crate) fn short(text: &str, width: usize) -> String {
    let clean = |c: char| if c.is_control() { '·' } else { c };
    if text.chars().count() <= width {
        return text.chars().map(clean).collect();
    }
    text.chars()
        .map(clean)
        .take(width - 1)
        .chain(std::iter::once('…'))
        .collect()
}

/// Milliseconds since the Unix epoch in the format of RFC 3339.
pub(crate) fn time(millis: i64) -> String {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// The headers of a record as JSON. Of several with the same name, the last is shown.
pub(crate) fn headers(record: &Record) -> Value {
    let headers = record.headers().map(|(name, value)| {
        (
            name.to_owned(),
            value.map_or(Value::Null, |value| printable(value).into()),
        )
    });
    Value::Object(headers.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_shown_as_hexadecimal() {
        assert_eq!(printable("größe".as_bytes()), "größe");
        assert_eq!(
            (printable(b"\x1b[31m"), printable(&[0xff, 0])),
            ("0x1b5b33316d".to_owned(), "0xff00".to_owned())
        );
    }

    #[test]
    fn a_key_cannot_write_to_the_terminal_and_keeps_its_column() {
        assert_eq!(short("\x1b[31mred", 12), "·[31mred");
        assert_eq!(short("0123456789abcdef", 12), "0123456789a…");
    }

    #[test]
    fn a_time_is_utc_with_milliseconds() {
        assert_eq!(time(1_767_225_600_042), "2026-01-01T00:00:00.042Z");
    }
}
