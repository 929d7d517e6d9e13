//! The type of a service's state: rewrites a type of the crate root so that it is valid in a module.

use proc_macro2::{TokenStream, TokenTree};

use super::file::RustFile;
use super::insert::{Insertion, insert};
use crate::error::Error;

/// Types that need no path in any module.
const EVERYWHERE: [&str; 27] = [
    "Box", "Fn", "FnMut", "FnOnce", "Option", "Result", "Send", "String", "Sync", "Vec", "bool", "char",
    "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16", "u32", "u64", "u8",
    "usize",
];

/// A type as written in the crate root, rewritten for a module below it.
pub(super) fn from_the_root(ty: &str, root: &RustFile<'_>) -> Result<String, Error> {
    let tokens: TokenStream = ty
        .parse()
        .map_err(|_| Error::new(format!("cannot parse the type `{ty}` of the service's state")))?;
    let mut insertions = Vec::new();
    qualify(tokens, root, &mut insertions);
    Ok(insert(ty, insertions).replace("crate::self::", "crate::"))
}

fn qualify(tokens: TokenStream, root: &RustFile<'_>, insertions: &mut Vec<Insertion>) {
    let mut before = ' ';
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Ident(ident) if !":'".contains(before) => {
                let is_path = matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':');
                let name = ident.to_string();
                let is_here = match is_path {
                    true => name == "self" || root.named(&name).is_some(),
                    // An unknown name may come from a `use … ::*` in the root.
                    false => {
                        !EVERYWHERE.contains(&name.as_str()) && syn::parse_str::<syn::Ident>(&name).is_ok()
                    }
                };
                if is_here {
                    insertions.push(Insertion {
                        at: ident.span().byte_range().start,
                        text: root.origin(&name).unwrap_or_else(|| "crate::".to_owned()),
                    });
                }
            }
            TokenTree::Group(group) => qualify(group.stream(), root, insertions),
            _ => {}
        }
        before = match token {
            TokenTree::Punct(punct) => punct.as_char(),
            _ => ' ',
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_rewritten_for_a_module_below_the_root() {
        let text = "mod ledger;\nuse std::sync::{self, Arc};\nuse ledger::Ledger;\nuse a::B as Renamed;\n";
        let root = RustFile::read("src/main.rs", text).unwrap();
        for (at_the_root, below) in [
            ("Ledger", "crate::ledger::Ledger"),
            ("Unknown", "crate::Unknown"),
            ("Renamed", "crate::Renamed"),
            ("ledger::Ledger", "crate::ledger::Ledger"),
            ("crate::ledger::Ledger", "crate::ledger::Ledger"),
            ("self::ledger::Ledger", "crate::ledger::Ledger"),
            ("Arc<Ledger>", "std::sync::Arc<crate::ledger::Ledger>"),
            (
                "std::sync::Arc<Vec<Unknown>>",
                "std::sync::Arc<Vec<crate::Unknown>>",
            ),
            ("(&'static str, [u8; 4])", "(&'static str, [u8; 4])"),
            ("sync::Arc<()>", "std::sync::Arc<()>"),
            ("()", "()"),
            (
                "Box<dyn Fn() -> App + Send>",
                "Box<dyn Fn() -> crate::App + Send>",
            ),
        ] {
            assert_eq!(from_the_root(at_the_root, &root).unwrap(), below);
        }
    }
}
