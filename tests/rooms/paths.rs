//! The paths that tokens name: those of `use` declarations, and those of two segments or more anywhere in code.
//!
//! Comments and strings are not among the tokens of a path, and doc comments are strings.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{ItemUse, UseTree};

/// A path as the code names it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Named {
    /// `crate::a::B` is `["crate", "a", "B"]`.
    pub(crate) segments: Vec<String>,
    /// The line that it is in.
    pub(crate) line: usize,
    /// The name that a `use` gives it.
    pub(crate) name: Option<String>,
    /// Whether it is a `use …::*`.
    pub(crate) glob: bool,
}

/// Macros whose tokens are code of other crates.
const QUOTES: [&str; 4] = ["quote", "quote_spanned", "parse_quote", "parse_quote_spanned"];

/// What an item or a statement begins with; it ends with a block or a semicolon, a field or an arm with a comma.
const KEYWORDS: [&str; 13] = [
    "async", "const", "enum", "extern", "fn", "impl", "let", "mod", "static", "struct", "trait", "type",
    "use",
];

/// All paths of the tokens, at any depth.
pub(crate) fn in_tokens(tokens: TokenStream) -> Vec<Named> {
    let mut found = Vec::new();
    walk(&list(tokens), &mut found);
    found
}

/// Whether the condition of a `cfg` holds in tests only: it is `test`, or an `all` with `test` in it.
pub(crate) fn holds_only_in_tests(condition: TokenStream) -> bool {
    match &list(condition)[..] {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "all" => list(group.stream())
            .split(|token| is_punct(token, ','))
            .any(|one| holds_only_in_tests(one.iter().cloned().collect())),
        _ => false,
    }
}

fn walk(tokens: &[TokenTree], found: &mut Vec<Named>) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let rest = &tokens[at..];
        at += match token {
            TokenTree::Punct(_) if is_test_attribute(rest) => 2 + item_len(&rest[2..]),
            TokenTree::Ident(word) if is_use(rest) => {
                let len = rest.iter().take_while(|token| !is_punct(token, ';')).count() + 1;
                let tokens = rest.iter().take(len).cloned().collect();
                let item = syn::parse2::<ItemUse>(tokens);
                let item = item.unwrap_or_else(|error| panic!("line {}: {error}", word.span().start().line));
                if item.leading_colon.is_none() {
                    leaves(&item.tree, &mut Vec::new(), found);
                }
                len
            }
            TokenTree::Ident(word)
                if is_quote(rest) || word == "pub" && is_group(rest.get(1), Delimiter::Parenthesis) =>
            {
                // The tokens of other crates' code, and `pub(in crate::a)`.
                rest.iter()
                    .take_while(|token| !matches!(token, TokenTree::Group(_)))
                    .count()
                    + 1
            }
            TokenTree::Ident(word) => {
                let (segments, len) = path(rest);
                if segments.len() > 1 && !continues(&tokens[..at]) {
                    let line = word.span().start().line;
                    found.push(Named {
                        segments,
                        line,
                        name: None,
                        glob: false,
                    });
                }
                len
            }
            TokenTree::Group(group) => {
                walk(&list(group.stream()), found);
                1
            }
            _ => 1,
        };
    }
}

/// Whether what comes next is not the beginning of a path: after `::`, which follows a type or begins at another crate.
fn continues(before: &[TokenTree]) -> bool {
    matches!(before, [.., a, b] if is_punct(a, ':') && is_punct(b, ':'))
}

/// The path at the beginning of the tokens, and how many of them it takes.
fn path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut len = 0;
    while let Some(TokenTree::Ident(word)) = tokens.get(len) {
        segments.push(plain(word));
        len += 1;
        match &tokens[len..] {
            [a, b, TokenTree::Ident(_), ..] if is_punct(a, ':') && is_punct(b, ':') => len += 2,
            _ => break,
        }
    }
    (segments, len)
}

fn leaves(tree: &UseTree, above: &mut Vec<String>, found: &mut Vec<Named>) {
    let mut leaf = |last: &proc_macro2::Ident, name: &proc_macro2::Ident| {
        let mut segments = above.clone();
        if last != "self" || above.is_empty() {
            segments.push(plain(last));
        }
        let name = if name == "self" {
            segments.last().cloned()
        } else {
            Some(plain(name))
        };
        let line = last.span().start().line;
        found.push(Named {
            segments,
            line,
            name,
            glob: false,
        });
    };
    match tree {
        UseTree::Name(name) => leaf(&name.ident, &name.ident),
        UseTree::Rename(name) => leaf(&name.ident, &name.rename),
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            found.push(Named {
                segments: above.clone(),
                line,
                name: None,
                glob: true,
            });
        }
        UseTree::Path(path) => {
            above.push(plain(&path.ident));
            leaves(&path.tree, above, found);
            above.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, above, found)),
    }
}

/// How many tokens the item, statement, field or arm at the beginning takes.
fn item_len(tokens: &[TokenTree]) -> usize {
    let first = tokens.iter().find_map(|token| match token {
        TokenTree::Ident(word) if word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let is_item = first.is_some_and(|first| KEYWORDS.contains(&&*first) || first == "unsafe");
    let is_end = |token: &TokenTree| match is_item {
        true => is_punct(token, ';') || is_group(Some(token), Delimiter::Brace),
        false => is_punct(token, ','),
    };
    let len = tokens.iter().take_while(|token| !is_end(token)).count();
    (len + 1).min(tokens.len())
}

fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(group), ..] = tokens else {
        return false;
    };
    match &list(group.stream())[..] {
        [TokenTree::Ident(word), TokenTree::Group(condition)] if is_punct(hash, '#') && word == "cfg" => {
            holds_only_in_tests(condition.stream())
        }
        _ => false,
    }
}

fn is_use(tokens: &[TokenTree]) -> bool {
    // `use<'a>` is a bound.
    matches!(tokens, [TokenTree::Ident(word), next, ..] if word == "use" && !is_punct(next, '<'))
}

fn is_quote(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Ident(word), next, ..] if is_punct(next, '!') && QUOTES.iter().any(|name| word == name))
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn plain(word: &proc_macro2::Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

fn list(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}
