//! Removes from an error what varies from record to record, so that errors that differ only by an id form one group. Pure.

/// The most characters of the result.
const MAX: usize = 160;

/// The first line of an error, with `#` for each number, UUID, hexadecimal or other id, and quoted value.
pub(super) fn alike(error: &str) -> String {
    let mut rest = error.lines().next().unwrap_or_default();
    let mut text = String::new();
    while let Some(first) = rest.chars().next() {
        let is_inside = text.chars().next_back().is_some_and(char::is_alphanumeric);
        let len = if let Some(len) = uuid(rest).filter(|_| !is_inside) {
            text.push('#');
            len
        } else if let Some(len) = quoted(rest, first).filter(|_| !is_inside) {
            text.extend([first, '#', first]);
            len
        } else if first.is_alphanumeric() {
            let word = word(rest);
            fold(word, &mut text);
            word.len()
        } else {
            text.push(if first.is_control() { '·' } else { first });
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    text.chars().take(MAX).collect()
}

/// The letters and digits at the beginning of a text.
fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())]
}

/// The length of the UUID at the beginning of a text.
fn uuid(text: &str) -> Option<usize> {
    const LEN: usize = 36;
    let candidate = text.get(..LEN)?;
    let fits = candidate.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    (fits && word(&text[LEN..]).is_empty()).then_some(LEN)
}

/// The length of the quoted value at the beginning of a text. Backticks quote names, which do not vary.
fn quoted(text: &str, quote: char) -> Option<usize> {
    if !matches!(quote, '\'' | '"') {
        return None;
    }
    let closing = |(index, found): (usize, char)| {
        let end = index + 1;
        (index > 0 && found == quote && word(&text[end..]).is_empty()).then_some(end)
    };
    text.char_indices().find_map(closing)
}

/// Appends a word: `#` for an id, and for each number within another word.
fn fold(word: &str, text: &mut String) {
    let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let is_id = (has_digit && (is_hex(word) || word.len() >= 12))
        || (is_hex(word) && word.len() >= 16)
        || word
            .strip_prefix("0x")
            .is_some_and(|rest| !rest.is_empty() && is_hex(rest));
    if is_id {
        return text.push('#');
    }
    for c in word.chars() {
        match c {
            '0'..='9' if text.ends_with('#') => {}
            '0'..='9' => text.push('#'),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_that_differ_by_ids_numbers_or_quoted_values_are_alike() {
        for (error, expected) in [
            ("order 17 of 2026: no", "order # of #: no"),
            ("order 17\nat line 2", "order #"),
            ("no order 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "no order #"),
            ("no order 6BA7B8109DAD11D180B400C04FD430C8!", "no order #!"),
            ("byte 0x7b at offset 0xff", "byte # at offset #"),
            ("no customer 01ARZ3NDEKTSV4RRFFQ69G5FAV", "no customer #"),
            (
                "invalid digit in 'twelve' of \"a, b\"",
                "invalid digit in '#' of \"#\"",
            ),
            ("it can't be done, and won't", "it can't be done, and won't"),
            ("topic `user.create` is missing", "topic `user.create` is missing"),
            ("the facade is decade-old", "the facade is decade-old"),
            ("utf8: no", "utf#: no"),
            ("an open \"quote", "an open \"quote"),
            ("a\tb", "a·b"),
        ] {
            assert_eq!(alike(error), expected, "{error}");
        }
        assert_ne!(alike("no ledger"), alike("no order"));
        assert_eq!(alike(&"é".repeat(500)).chars().count(), MAX);
    }

    /// Varying values, in the forms that occur in errors.
    fn varying() -> impl Strategy<Value = [String; 2]> {
        let pair = |form: &'static str| [form, form];
        prop_oneof![
            pair("[0-9]{1,19}"),
            pair("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            pair("[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"),
            pair("[0-9a-f]{1,15}[0-9]"),
            pair("[0-9a-f]{16,64}"),
            pair("0x[0-9a-f]{1,16}"),
            pair("[0-9][0-9A-Z]{25}"),
            pair("'[^'\\p{C}]{1,20}'"),
            pair("\"[^\"\\p{C}]{1,20}\""),
        ]
    }

    proptest! {
        #[test]
        fn a_varying_value_is_folded_at_any_position(
            [one, other] in varying(),
            before in "[a-z ]{0,20}[ (:]",
            after in "([ ):,.][a-z ]{0,20})?",
        ) {
            let error = |id: &str| alike(&format!("{before}{id}{after}"));
            prop_assert_eq!(error(&one), error(&other));
        }

        #[test]
        fn any_text_is_folded_into_one_bounded_line(error in any::<String>()) {
            let text = alike(&error);
            prop_assert!(text.chars().count() <= MAX && !text.contains(char::is_control));
        }
    }
}
