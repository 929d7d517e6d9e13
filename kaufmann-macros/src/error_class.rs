//! `#[derive(HandlerError)]`: gives each variant of an error a class, which decides what happens to the record.

mod parse;

mod check;

mod expand;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::Errors;

/// Expands the derive.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let classes = check::classes(&input, &mut errors);
    match classes {
        Some(classes) if errors.is_empty() => expand::classed(&input, &classes),
        _ => expand::fallback(&input, errors),
    }
}
