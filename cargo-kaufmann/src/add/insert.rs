//! Inserts text into a source and leaves the rest as it is.

/// A text, and the byte before which to insert it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Insertion {
    pub(super) at: usize,
    pub(super) text: String,
}

/// The text with all insertions, which take the text's line ends.
pub(super) fn insert(text: &str, mut insertions: Vec<Insertion>) -> String {
    let crlf = text.contains("\r\n");
    let mut changed = text.to_owned();
    insertions.sort_by_key(|insertion| insertion.at);
    for Insertion { at, text } in insertions.into_iter().rev() {
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        changed.insert_str(at, &text);
    }
    changed
}

/// The start of the line that contains a byte.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The indentation of that line.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The end of that line, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.split('\n').next().unwrap_or(rest);
    at + line.strip_suffix('\r').unwrap_or(line).len()
}
