//! `service!`: turns the list of a service's handlers into a table and a `match`.

mod parse;

mod check;

mod expand;
mod fallback;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Expands the list.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(list) = parse::list(input, &mut errors) else {
        return errors.into_tokens();
    };
    check::list(&list, &mut errors);
    match &list.state {
        Some(state) if errors.is_empty() => expand::service(&list, state),
        _ => fallback::service(&list, errors),
    }
}
