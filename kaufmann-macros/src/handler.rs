//! `#[handler]`: checks a function where it is written, and declares a type of the same name, its twin, which `service!` lists.

mod limits;
mod parse;

mod check;
mod model;

mod expand;
mod fallback;

use proc_macro2::TokenStream;

use crate::errors::Errors;

/// Expands the attribute.
pub(crate) fn expand(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = parse::arguments(arguments, &mut errors);
    let Some(mut function) = parse::function(item.clone(), &mut errors) else {
        return fallback::other_item(item, errors);
    };
    let handler = check::handler(&mut function, arguments, &mut errors);
    match handler {
        Some(handler) if errors.is_empty() => expand::handler(&function, &handler),
        _ => fallback::handler(&function, errors),
    }
}
