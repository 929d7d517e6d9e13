//! Spans of generated code: rustc reports an error in it at the user's tokens that the span points to.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// The span's location, with the macro call's hygiene: names with it resolve where the macro is called.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// A generated identifier. Local variables need it: with a span from within `macro_rules!` they could not see each other.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    Ident::new(name, located(span))
}

/// The spans of the first and the last token.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// `<ty as trait_path>::item`, where `trait_path` is one of `kaufmann::__private`.
///
/// It spans from the type's first token to its last, without the macro's hygiene. So each use of the same bound fails at the same
/// location with the same notes, and rustc prints the error once.
pub(crate) fn qualified(ty: &impl ToTokens, trait_path: &TokenStream, item: &str) -> TokenStream {
    let (first, last) = ends(ty);
    let trait_path = respanned(trait_path, first);
    let item = Ident::new(item, last);
    quote_spanned!(first=> <#ty as ::kaufmann::__private::#trait_path>::#item)
}

fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: proc_macro2::TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(respan).collect()
}
