//! Texts from outside, for logs, headers and screens: bounded, and without characters that control a terminal.

use std::fmt::{self, Display, Write};

/// How many bytes of a text are kept.
pub(crate) const MAX: usize = 4 << 10;

/// The beginning of a text, at most [`MAX`] bytes, followed by the number of bytes left out.
pub(crate) fn bounded(text: impl Display) -> String {
    bounded_to(text, MAX)
}

/// [`bounded`] with another bound. What exceeds it is formatted, but not kept.
pub(crate) fn bounded_to(text: impl Display, max: usize) -> String {
    let mut kept = Kept {
        text: String::new(),
        max,
        left_out: 0,
    };
    // Writing to it never fails; if a `Display` fails, the text so far is kept.
    _ = write!(kept, "{text}");
    match kept.left_out {
        0 => kept.text,
        more => format!("{}… ({more} more bytes)", kept.text),
    }
}

struct Kept {
    text: String,
    max: usize,
    left_out: usize,
}

impl Write for Kept {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.left_out == 0 {
            for (at, c) in piece.char_indices() {
                let c = if is_control(c) { '·' } else { c };
                if self.text.len() + c.len_utf8() > self.max {
                    self.left_out = piece.len() - at;
                    break;
                }
                self.text.push(c);
            }
        } else {
            self.left_out += piece.len();
        }
        Ok(())
    }
}

/// Whether a terminal or an editor would act on this character: controls other than line breaks and tabs, and marks that change the
/// direction of writing.
pub(crate) fn is_control(c: char) -> bool {
    let is_layout = matches!(c, '\n' | '\t');
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && !is_layout) || turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_plain_text_is_unchanged() {
        assert_eq!(bounded("größe\n\tof 1 €"), "größe\n\tof 1 €");
        assert_eq!(bounded(""), "");
        assert_eq!(bounded("x".repeat(MAX)), "x".repeat(MAX));
    }

    #[test]
    fn a_text_that_is_long_is_cut_between_characters_and_what_is_missing_is_counted() {
        assert_eq!(bounded_to("ééé", 3), "é… (4 more bytes)");
        assert_eq!(
            bounded_to(format_args!("{}{}", "abcd", "efg"), 3),
            "abc… (4 more bytes)"
        );
        let page = bounded("x".repeat(2 << 20));
        assert!(page.len() < MAX + 40, "{}", page.len());
        assert!(page.ends_with("… (2093056 more bytes)"));
    }

    #[test]
    fn characters_that_control_a_terminal_are_replaced() {
        assert_eq!(bounded("\x1b[31mred\r\x07\u{9b}2J\u{202e}"), "·[31mred···2J·");
    }

    proptest! {
        #[test]
        fn no_text_exceeds_its_bound_or_controls_a_terminal(text: String, max in 0..40usize) {
            let kept = bounded_to(&text, max);
            prop_assert!(kept.len() <= max + 40);
            prop_assert!(!kept.chars().any(is_control));
        }
    }
}
