//! Finds the lists of `service!` in a source, and inserts an entry into one.

use std::ops::Range;

use proc_macro2::{Group, Ident, Punct, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Token, Type, Visibility, braced};

use super::insert::{Insertion, indentation, line_start};

/// A declaration of a service.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    /// Its line, from 1.
    pub(super) line: usize,
    /// The byte range of the state's type.
    pub(super) state: Range<usize>,
    handlers: Handlers,
}

/// The brackets of `handlers`, by byte offsets.
#[derive(Clone, Debug)]
struct Handlers {
    close: usize,
    /// The end of the last token in them.
    last: Option<usize>,
    /// Whether the last token is a comma.
    has_comma: bool,
}

/// All lists in a source; for an invalid one, its line and the error.
pub(super) fn lists(tokens: TokenStream) -> Vec<Result<List, (usize, String)>> {
    let mut found = Vec::new();
    let mut before: [Option<TokenTree>; 2] = [None, None];
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            match &before {
                [Some(TokenTree::Ident(name)), Some(TokenTree::Punct(bang))]
                    if name == "service" && bang.as_char() == '!' =>
                {
                    let line = name.span().start().line;
                    let list = syn::parse2(group.stream()).map(|list| List { line, ..list });
                    found
                        .push(list.map_err(|error| (error.span().start().line.max(line), error.to_string())));
                }
                _ => found.extend(lists(group.stream())),
            }
        }
        let [_, last] = before;
        before = [last, Some(token)];
    }
    found
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<Token![struct]>()?;
        let name: Ident = input.parse()?;
        let content;
        braced!(content in input);
        let (mut state, mut handlers) = (None, None);
        while !content.is_empty() {
            let key = content.call(Ident::parse_any)?;
            content.parse::<Token![:]>()?;
            if key == "state" {
                state = Some(content.parse::<Type>()?.span().byte_range());
            } else if key == "handlers" {
                handlers = Some(Handlers::of(&content.parse()?));
            }
            while !content.is_empty() && !content.peek(Token![,]) {
                content.parse::<TokenTree>()?;
            }
            if !content.is_empty() {
                content.parse::<Token![,]>()?;
            }
        }
        let missing = |key| syn::Error::new(name.span(), format!("`service!` has no `{key}`"));
        Ok(Self {
            line: 0,
            state: state.ok_or_else(|| missing("state"))?,
            handlers: handlers.ok_or_else(|| missing("handlers"))?,
            name: name.to_string(),
        })
    }
}

impl Handlers {
    fn of(brackets: &Group) -> Self {
        let last = brackets.stream().into_iter().last();
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if Punct::as_char(punct) == ',');
        Self {
            close: brackets.span_close().byte_range().start,
            has_comma: last.as_ref().is_some_and(is_comma),
            last: last.map(|token| token.span().byte_range().end),
        }
    }
}

impl List {
    /// Inserts an entry at the end, laid out as the others: on the same line, or on its own line.
    pub(super) fn insert(&self, text: &str, entry: &str) -> Vec<Insertion> {
        let Handlers {
            close,
            last,
            has_comma,
        } = self.handlers;
        let line = line_start(text, close);
        let own_line = text[line..close].trim().is_empty();
        let Some(last) = last else {
            let text = match own_line {
                true => format!("    {entry},\n{}", indentation(text, close)),
                false => entry.to_owned(),
            };
            return vec![Insertion { at: close, text }];
        };
        if !own_line {
            let text = match has_comma {
                true => format!(" {entry},"),
                false => format!(", {entry}"),
            };
            return vec![Insertion { at: last, text }];
        }
        // A comment after the last entry stays there.
        let entry = Insertion {
            at: line,
            text: format!("{}{entry},\n", indentation(text, last)),
        };
        let comma = Insertion {
            at: last,
            text: ",".to_owned(),
        };
        match has_comma {
            true => vec![entry],
            false => vec![comma, entry],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::insert::insert;
    use super::*;

    fn only(text: &str) -> List {
        let mut found = lists(text.parse().unwrap());
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0).unwrap()
    }

    fn inserted(handlers: &str) -> String {
        let text = format!(
            "service! {{\n    struct S {{\n        state: A,\n        handlers: {handlers},\n    }}\n}}\n"
        );
        let changed = insert(&text, only(&text).insert(&text, "new::one"));
        let begin = changed.find("handlers: ").unwrap() + "handlers: ".len();
        let end = changed.rfind(",\n    }\n}").unwrap();
        changed[begin..end].to_owned()
    }

    #[test]
    fn an_entry_is_laid_out_as_the_others_and_nothing_else_moves() {
        for (before, after) in [
            ("[]", "[new::one]"),
            ("[ ]", "[ new::one]"),
            ("[a]", "[a, new::one]"),
            ("[a, b::c,]", "[a, b::c, new::one,]"),
            ("[a /* b */]", "[a, new::one /* b */]"),
            ("[\n        ]", "[\n            new::one,\n        ]"),
            (
                "[\n            a,\n        ]",
                "[\n            a,\n            new::one,\n        ]",
            ),
            (
                "[\n            a, b\n        ]",
                "[\n            a, b,\n            new::one,\n        ]",
            ),
            (
                "[\n            a, // first, of all\n            #[cfg(x)]\n            b // [last]\n            // more?\n        ]",
                "[\n            a, // first, of all\n            #[cfg(x)]\n            b, // [last]\n            // more?\n            new::one,\n        ]",
            ),
            ("[a,\n          b]", "[a,\n          b, new::one]"),
        ] {
            assert_eq!(inserted(before), after, "{before:?}");
        }
    }

    #[test]
    fn line_ends_and_wide_characters_are_kept() {
        let text = "// größe\r\nkaufmann::service! {\r\n  struct S { state: A, handlers: [\r\n    ä::b\r\n  ] }\r\n}\r\n";
        let changed = insert(text, only(text).insert(text, "c"));
        assert_eq!(
            changed,
            "// größe\r\nkaufmann::service! {\r\n  struct S { state: A, handlers: [\r\n    ä::b,\r\n    c,\r\n  ] }\r\n}\r\n"
        );
    }

    #[test]
    fn a_list_is_found_in_any_module_with_its_state() {
        let text = "mod inner { kaufmann::service! { /// Docs, with `service!`.\n pub(crate) struct S {\n handlers: [a], \
                    exhaustive: events, ignore: [b::C, D], state: HashMap<A, Vec<B>> } } }\n// service! { x }\n";
        let list = only(text);
        assert_eq!((&*list.name, list.line), ("S", 1));
        assert_eq!(&text[list.state], "HashMap<A, Vec<B>>");
    }

    #[test]
    fn a_missing_key_is_reported_with_the_lists_line() {
        let found = lists("\nservice! { struct S { state: A } }".parse().unwrap());
        let (line, text) = found[0].as_ref().unwrap_err();
        assert_eq!((*line, &**text), (2, "`service!` has no `handlers`"));
    }
}
