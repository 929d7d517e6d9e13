//! Doc comments that render as they were written, whatever characters they have.

use proc_macro2::TokenStream;
use quote::quote;

/// The schema's doc, or a generated one.
pub(super) fn or(doc: Option<&str>, generated: &str) -> TokenStream {
    match doc.map(str::trim) {
        None | Some("") => text(generated),
        Some(doc) => lines(doc.lines().map(escape)),
    }
}

/// A text that is Markdown already.
pub(super) fn text(text: &str) -> TokenStream {
    lines(text.lines().map(str::to_owned))
}

fn lines(lines: impl Iterator<Item = String>) -> TokenStream {
    let lines = lines.map(|line| if line.is_empty() { line } else { format!(" {line}") });
    quote!(#(#[doc = #lines])*)
}

/// A schema's text is not Markdown: what rustdoc would take for a link, HTML, a heading or a code block is escaped.
/// Indented lines lose the indentation that makes them code; `code` between backticks stays.
fn escape(line: &str) -> String {
    let line = line.trim();
    let spans = !line.contains("``") && line.matches('`').count().is_multiple_of(2);
    let mut out = String::with_capacity(line.len());
    let mut code = false;
    for (index, char) in line.char_indices() {
        let first = index == 0;
        match char {
            '`' if spans => code = !code,
            '`' | '[' | ']' | '<' | '>' | '\\' if !code => out.push('\\'),
            '#' | '~' | '=' | '|' if first => out.push('\\'),
            // A bare address is a warning; the escape keeps it plain text.
            ':' if !code && line[index..].starts_with("://") => out.push('\\'),
            _ => {}
        }
        out.push(if harmful(char) { '\u{fffd}' } else { char });
    }
    out
}

/// Control characters do not belong in a comment, and those that change the direction of text are an error there.
fn harmful(char: char) -> bool {
    let directions = matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    directions || (char.is_control() && char != '\t')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_that_means_something_to_rustdoc_is_escaped() {
        let cases = [
            ("plain text, ünïcode", "plain text, ünïcode"),
            ("see [here] <b>", r"see \[here\] \<b\>"),
            (r"C:\temp", r"C:\\temp"),
            ("# not a heading", r"\# not a heading"),
            ("    let indented = 1;", "let indented = 1;"),
            ("```rust", r"\`\`\`rust"),
            ("~~~", r"\~~~"),
            ("use `Vec<[u8]>` here", "use `Vec<[u8]>` here"),
            ("one ` only", r"one \` only"),
            ("https://example.com", r"https\://example.com"),
            ("a\u{202e}b\u{7}c", "a\u{fffd}b\u{fffd}c"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected);
        }
    }
}
