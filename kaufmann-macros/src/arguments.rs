//! Reads lists of arguments. After an error in one element the rest is still read, so that all errors are reported at once.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::token::Bracket;
use syn::{LitStr, Token, bracketed};

use crate::errors::{Errors, listing, nearest};

/// The keys that a macro takes, for reading and for its errors.
pub(crate) struct Keys {
    /// The macro, as errors name it: `` `#[handler]` ``.
    pub(crate) of: &'static str,
    pub(crate) noun: &'static str,
    pub(crate) known: &'static [&'static str],
    /// Other names for the keys, each with the key that it means.
    pub(crate) others: &'static [(&'static str, &'static str)],
}

impl Keys {
    /// Reports an unknown key, and suggests the one that was probably meant.
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
        // The parser has reported whatever it left unread.
        input.parse::<TokenStream>()?;
        Ok(parsed)
    })
    .parse2(tokens);
    errors.keep(result)
}

/// Reads elements to the end of the input. After an error, the rest of the element is skipped up to the next comma.
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

/// Skips everything up to the next comma of this level.
pub(crate) fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let skipped: syn::Result<proc_macro2::TokenTree> = input.parse();
        if skipped.is_err() {
            return;
        }
    }
}

/// A duration with a unit; reports an invalid one.
pub(crate) fn duration(text: &LitStr, example: &str, errors: &mut Errors) -> Option<Duration> {
    match humantime::parse_duration(&text.value()) {
        Ok(duration) => Some(duration),
        Err(error) => {
            errors.on(
                text,
                format!(
                    "`{}` is not a duration: {error}; expected a number with a unit, {example}",
                    text.value()
                ),
            );
            None
        }
    }
}
