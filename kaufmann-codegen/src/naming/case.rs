//! Casing as Rust's lints expect it.

/// The words that are keywords in some edition but can be written as raw identifiers.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Whether the identifier must be written raw.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// `user_created`, `userCreated` and `USER_CREATED` become `UserCreated`. It begins with an upper-case letter.
pub(super) fn pascal(name: &str) -> String {
    let name = name
        .split(|char: char| !char.is_ascii_alphanumeric())
        .map(word)
        .collect::<String>();
    match name.chars().next() {
        None => "Underscore".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("N{name}"),
        Some(_) => not_a_path(name),
    }
}

/// A word that is upper case throughout is an acronym or a constant: `ID` becomes `Id`.
fn word(word: &str) -> String {
    let Some(first) = word.get(..1) else {
        return String::new();
    };
    let rest = &word[1..];
    let shouted = !rest.chars().any(|char| char.is_ascii_lowercase());
    let all = shouted && first.chars().all(|char| !char.is_ascii_lowercase());
    first.to_ascii_uppercase()
        + &if all {
            rest.to_ascii_lowercase()
        } else {
            rest.to_owned()
        }
}

/// `userCreated`, `UserCreated` and `USER_CREATED` become `user_created`. Underscores at the beginning stay.
pub(super) fn snake(name: &str) -> String {
    let chars = name.chars().collect::<Vec<_>>();
    let mut out = String::new();
    for (index, char) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| chars.get(index));
        let lower_after = chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        let begins = before.is_some_and(|before| {
            before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && lower_after)
        });
        let inner = out.chars().any(|char| char != '_');
        match char {
            '_' if inner && out.ends_with('_') => {}
            _ if char.is_ascii_uppercase() && begins => out.extend(['_', char.to_ascii_lowercase()]),
            _ if char.is_ascii_alphanumeric() || *char == '_' => out.push(char.to_ascii_lowercase()),
            _ => out.push('_'),
        }
    }
    if out.chars().all(|char| char == '_') {
        "underscore".to_owned()
    } else {
        not_a_path(out)
    }
}

/// The keywords of paths cannot be raw identifiers.
fn not_a_path(name: String) -> String {
    if matches!(name.as_str(), "self" | "Self" | "super" | "crate") {
        name + "_"
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{pascal, snake};

    #[test]
    fn types_are_in_pascal_case() {
        let cases = [
            ("create", "Create"),
            ("user_created", "UserCreated"),
            ("userCreated", "UserCreated"),
            ("USER_CREATED", "UserCreated"),
            ("SKU", "Sku"),
            ("HTTPServer", "HTTPServer"),
            ("_1x", "N1x"),
            ("__", "Underscore"),
            ("self", "Self_"),
            ("V2", "V2"),
            ("a", "A"),
        ];
        for (name, expected) in cases {
            assert_eq!(pascal(name), expected);
        }
    }

    #[test]
    fn fields_are_in_snake_case() {
        let cases = [
            ("email", "email"),
            ("firstName", "first_name"),
            ("userID", "user_id"),
            ("HTTPServer", "http_server"),
            ("USER_ID", "user_id"),
            ("a__b", "a_b"),
            ("_id", "_id"),
            ("user1Name", "user1_name"),
            ("_", "underscore"),
            ("self", "self_"),
            ("Super", "super_"),
            ("type", "type"),
        ];
        for (name, expected) in cases {
            assert_eq!(snake(name), expected);
        }
    }
}
