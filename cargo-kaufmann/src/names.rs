//! Names of packages, services, events and modules: which are allowed, and errors for the others.

use crate::error::Error;

/// Package names that Cargo refuses or that clash: its own folders, crates of the standard library, dependencies of a service.
const TAKEN: [&str; 14] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "kaufmann",
    "kaufmann-avro",
    "kaufmann-codegen",
    "kaufmann-macros",
    "proc-macro",
    "proc_macro",
    "std",
    "test",
];

/// Types that a service of the same name would shadow in its `main.rs`.
const SHADOWED: [&str; 33] = [
    "App",
    "AsRef",
    "AsMut",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "Drop",
    "Eq",
    "Err",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Into",
    "IntoIterator",
    "Iterator",
    "Kit",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Some",
    "String",
    "Sync",
    "ToString",
    "Vec",
];

/// Refuses an invalid package name.
pub(crate) fn check_package(name: &str) -> Result<(), Error> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    let why = if name.is_empty() {
        "it is empty".to_owned()
    } else if let Some(char) = name.chars().find(|char| !is_allowed(*char)) {
        format!("it contains `{char}`; only letters, digits, `-` and `_` are allowed")
    } else if !name.starts_with(|char: char| char.is_ascii_alphabetic()) {
        "it does not begin with a letter".to_owned()
    } else if name.len() > 64 {
        "it has more than 64 characters".to_owned()
    } else if TAKEN.contains(&name) {
        "it is reserved by Rust, Cargo or kaufmann".to_owned()
    } else if is_keyword(&name.replace('-', "_")) {
        "it is a keyword of Rust".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(format!(
        "`{name}` cannot be a package's name: {why}; choose another with --name"
    )))
}

/// The service's name for a package: `shop-accounts` is `ShopAccounts`.
pub(crate) fn service(package: &str) -> String {
    let words = package.split(['-', '_']).filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| word[..1].to_ascii_uppercase() + &word[1..])
        .collect();
    if SHADOWED.contains(&name.as_str()) {
        name + "Service"
    } else {
        name
    }
}

/// Splits an event's full name into namespace and name; both must be valid in Avro.
pub(crate) fn event(full_name: &str) -> Result<(&str, &str), Error> {
    let schema = format!(
        r#"{{"type": "record", "name": {}, "fields": []}}"#,
        quoted(full_name)
    );
    if let Err(errors) = kaufmann_avro::parse_str(&schema) {
        let why = errors.first().map(|error| error.kind.to_string());
        return Err(Error::new(why.unwrap_or_default()));
    }
    full_name.rsplit_once('.').ok_or_else(|| {
        Error::new(format!(
            "the event `{full_name}` has no namespace; add one that says what the event is about, such as `user.{full_name}`"
        ))
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The name as an identifier, raw if it is a keyword; `None` if it cannot be one.
pub(crate) fn identifier(name: &str) -> Option<String> {
    match is_keyword(name) {
        false => syn::parse_str::<syn::Ident>(name).ok().map(|_| name.to_owned()),
        true => {
            let raw = format!("r#{name}");
            syn::parse_str::<syn::Ident>(&raw).ok().map(|_| raw)
        }
    }
}

/// Whether the name has the form of an identifier, but is a keyword.
fn is_keyword(name: &str) -> bool {
    let looks_fine = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_');
    // `gen` is a keyword since edition 2024; syn accepts it as an identifier.
    looks_fine && name != "_" && (name == "gen" || syn::parse_str::<syn::Ident>(name).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_name_must_be_valid_in_cargo() {
        for name in ["accounts", "shop-accounts", "a1_b", "Accounts"] {
            assert!(check_package(name).is_ok(), "{name}");
        }
        for (name, why) in [
            ("", "it is empty"),
            ("9lives", "does not begin with a letter"),
            ("a b", "it contains ` `"),
            ("größe", "it contains `ö`"),
            ("match", "keyword"),
            ("test", "reserved"),
            ("kaufmann", "reserved"),
        ] {
            let text = check_package(name).unwrap_err().to_string();
            assert!(
                text.contains(why) && text.ends_with("with --name"),
                "{name}: {text}"
            );
        }
        assert!(check_package(&"a".repeat(65)).is_err());
    }

    #[test]
    fn a_service_is_named_by_its_package_and_shadows_nothing() {
        for (package, expected) in [
            ("accounts", "Accounts"),
            ("shop-accounts_2", "ShopAccounts2"),
            ("app", "AppService"),
            ("result", "ResultService"),
        ] {
            assert_eq!(service(package), expected);
        }
    }

    #[test]
    fn an_event_has_a_namespace_and_a_name_that_avro_allows() {
        assert_eq!(
            event("com.shop.order_placed").unwrap(),
            ("com.shop", "order_placed")
        );
        for (name, why) in [
            (
                "create",
                "has no namespace; add one that says what the event is about, such as `user.create`",
            ),
            ("user.cre-ate", "`user.cre-ate` cannot name"),
            ("user.1st", "does not begin with a digit"),
            ("user..create", "letters, digits and underscores"),
            ("user.\"x\"", "letters, digits and underscores"),
            ("", "letters, digits and underscores"),
        ] {
            let text = event(name).unwrap_err().to_string();
            assert!(text.contains(why), "{name}: {text}");
        }
    }

    #[test]
    fn keywords_become_raw_identifiers_where_they_can() {
        assert_eq!(identifier("create").as_deref(), Some("create"));
        assert_eq!(identifier("type").as_deref(), Some("r#type"));
        assert_eq!(identifier("gen").as_deref(), Some("r#gen"));
        for name in ["self", "a-b", "", "_", "1"] {
            assert_eq!(identifier(name), None, "{name}");
        }
    }
}
