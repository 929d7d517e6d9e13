//! Where generated code stands in the user's source, which is where rustc reports what is wrong with it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// A place in the source without the user's hygiene: what is named so resolves at the macro's call.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// A generated name. Locals need it: under `macro_rules!` a user's span would hide them from one another.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    Ident::new(name, located(span))
}

/// The first and the last token of something the user wrote.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// `<ty as trait_path>::item`, where `trait_path` is one of `kaufmann::__private`.
///
/// It begins at the type's first token and ends at its last, and none of it is marked as the macro's. So each use of the
/// same bound fails at the same place with the same notes, and rustc prints it once.
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
