//! Parses the input of `service!`.

use proc_macro2::{Ident, TokenStream};
use syn::parse::{Parse, ParseBuffer, ParseStream};
use syn::token::Brace;
use syn::{Attribute, Lit, Path, Token, Type, Visibility, braced};

use crate::arguments::{self, Keys};
use crate::errors::Errors;

const KEYS: Keys = Keys {
    of: "`service!`",
    noun: "key",
    known: &["state", "handlers", "exhaustive", "ignore"],
    others: &[
        ("context", "state"),
        ("app", "state"),
        ("functions", "handlers"),
        ("events", "exhaustive"),
        ("complete", "exhaustive"),
        ("skip", "ignore"),
        ("except", "ignore"),
    ],
};

/// The declaration of a service, as far as it could be read.
pub(super) struct List {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) state: Option<Type>,
    pub(super) handlers: Option<Vec<Entry<Path>>>,
    pub(super) exhaustive: Option<Path>,
    pub(super) ignore: Option<(Ident, Vec<Entry<Type>>)>,
}

/// An element of a list with its `#[cfg]`s; doc comments are dropped, as an expression has none.
pub(super) struct Entry<T> {
    pub(super) attributes: Vec<Attribute>,
    pub(super) value: T,
}

impl<T: Parse> Parse for Entry<T> {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Lit) {
            return Err(input.error("expected a path, not a literal"));
        }
        let mut attributes = input.call(Attribute::parse_outer)?;
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
        Ok(Self {
            attributes,
            value: input.parse()?,
        })
    }
}

/// Reads the declaration; `None` if even the service's name cannot be read.
pub(super) fn list(tokens: TokenStream, errors: &mut Errors) -> Option<List> {
    arguments::read_all(tokens, errors, |input, errors| {
        let mut list = head(input).map_err(|error| errors.push(error)).ok()?;
        let Some(content) = errors.keep(body(input)) else {
            return Some(list);
        };
        arguments::each(&content, errors, "keys", |input, errors| {
            key(input, errors, &mut list)
        });
        if !input.is_empty() {
            errors.at(
                input.span(),
                "`service!` declares one service; write another `service!` for the next",
            );
        }
        Some(list)
    })
    .flatten()
}

fn head(input: ParseStream<'_>) -> syn::Result<List> {
    let attributes = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    if !input.peek(Token![struct]) {
        return Err(input.error("expected `pub struct Name { state: …, handlers: […] }`"));
    }
    input.parse::<Token![struct]>()?;
    let name = input.parse()?;
    Ok(List {
        attributes,
        visibility,
        name,
        state: None,
        handlers: None,
        exhaustive: None,
        ignore: None,
    })
}

/// The content of the braces.
fn body(input: ParseStream<'_>) -> syn::Result<ParseBuffer<'_>> {
    if !input.peek(Brace) {
        return Err(input.error("expected `{ state: …, handlers: […] }` after the service's name"));
    }
    let content;
    braced!(content in input);
    Ok(content)
}

fn key(input: ParseStream<'_>, errors: &mut Errors, list: &mut List) -> syn::Result<()> {
    let attributes = input.call(Attribute::parse_outer)?;
    for attribute in attributes
        .iter()
        .filter(|attribute| !attribute.path().is_ident("doc"))
    {
        errors.on(
            attribute,
            "only a doc comment is allowed before a key of `service!`",
        );
    }
    let key = arguments::key(input)?;
    let known = key.to_string();
    if !KEYS.known.contains(&known.as_str()) {
        KEYS.refuse(&key, errors);
        arguments::skip(input);
        return Ok(());
    }
    let given = match known.as_str() {
        "state" => list.state.is_some(),
        "handlers" => list.handlers.is_some(),
        "exhaustive" => list.exhaustive.is_some(),
        _ => list.ignore.is_some(),
    };
    if given {
        errors.on(&key, format!("`{key}` is given twice"));
        arguments::skip(input);
        return Ok(());
    }
    input.parse::<Token![:]>()?;
    match known.as_str() {
        "state" => list.state = Some(input.parse()?),
        "handlers" => list.handlers = Some(arguments::list(input, errors, "handlers")?),
        "exhaustive" => list.exhaustive = Some(input.parse()?),
        _ => list.ignore = Some((key, arguments::list(input, errors, "event types")?)),
    }
    Ok(())
}
