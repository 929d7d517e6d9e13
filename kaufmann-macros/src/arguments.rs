//! Lists that survive an error in one of their elements: the rest is still read, and its errors are reported too.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::token::Bracket;
use syn::{LitStr, Token, bracketed};

use crate::errors::{Errors, listing, nearest};

/// The keys that a macro takes, for its error texts.
pub(crate) struct Keys {
    /// How the macro is called: `` `#[handler]` ``.
    pub(crate) of: &'static str,
    pub(crate) noun: &'static str,
    pub(crate) known: &'static [&'static str],
    /// What others call them, with the key that is meant.
    pub(crate) others: &'static [(&'static str, &'static str)],
}

impl Keys {
    /// Refuses a key, and says which one was probably meant.
    pub(crate) fn refuse(&self, key: &Ident, errors: &mut Errors) {
        let written = key.to_string();
        let other = self.others.iter().find(|(other, _)| *other == written);
        let meant = other
            .map(|(_, meant)| *meant)
            .or_else(|| nearest(&written, self.known));
        let hint = meant
            .map(|known| format!(", did you mean `{known}`?"))
            .unwrap_or_default();
        let Self { of, noun, known, .. } = self;
        errors.on(
            key,
            format!("unknown {noun} `{key}`{hint}; {of} takes {}", listing(known)),
        );
    }
}

/// Reads all of `tokens` with a parser that reports its errors itself.
pub(crate) fn read_all<T>(
    tokens: TokenStream,
    errors: &mut Errors,
    parser: impl FnOnce(ParseStream<'_>, &mut Errors) -> T,
) -> Option<T> {
    let result = (|input: ParseStream<'_>| {
        let parsed = parser(input, errors);
        // What the parser left has been reported.
        input.parse::<TokenStream>()?;
        Ok(parsed)
    })
    .parse2(tokens);
    errors.keep(result)
}

/// Reads elements up to the end. `element` reports what is wrong with one; what it leaves unread up to the comma is skipped.
pub(crate) fn each(
    input: ParseStream<'_>,
    errors: &mut Errors,
    what: &str,
    mut element: impl FnMut(ParseStream<'_>, &mut Errors) -> syn::Result<()>,
) {
    while !input.is_empty() {
        match element(input, errors) {
            Err(error) => {
                errors.push(error);
                skip(input);
            }
            Ok(()) if !input.is_empty() && !input.peek(Token![,]) => {
                errors.at(input.span(), format!("expected `,` between {what}"));
                skip(input);
            }
            Ok(()) => {}
        }
        if input.parse::<Token![,]>().is_err() {
            return;
        }
    }
}

/// Reads `[a, b, …]`, keeping the elements that can be read.
pub(crate) fn list<T: Parse>(input: ParseStream<'_>, errors: &mut Errors, what: &str) -> syn::Result<Vec<T>> {
    if !input.peek(Bracket) {
        return Err(input.error(format!("expected a list of {what}, `[…]`")));
    }
    let content;
    bracketed!(content in input);
    let mut elements = Vec::new();
    each(&content, errors, what, |input, _| {
        elements.push(input.parse()?);
        Ok(())
    });
    Ok(elements)
}

/// A key, also if it is a keyword.
pub(crate) fn key(input: ParseStream<'_>) -> syn::Result<Ident> {
    input.call(Ident::parse_any)
}

/// Skips what stands before the next comma of this level.
pub(crate) fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let skipped: syn::Result<proc_macro2::TokenTree> = input.parse();
        if skipped.is_err() {
            return;
        }
    }
}

/// A time with a unit; reports what is none.
pub(crate) fn duration(text: &LitStr, example: &str, errors: &mut Errors) -> Option<Duration> {
    match humantime::parse_duration(&text.value()) {
        Ok(duration) => Some(duration),
        Err(error) => {
            errors.on(
                text,
                format!(
                    "`{}` is not a time: {error}; expected one with a unit, {example}",
                    text.value()
                ),
            );
            None
        }
    }
}
