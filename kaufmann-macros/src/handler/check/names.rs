//! What the names in a signature give away: that the function stands in an `impl`, or that its own name is taken.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, Signature, Type};

use crate::errors::Errors;

/// Whether the signature has `Self`, which only functions of an `impl` or a trait have.
pub(crate) fn is_associated(signature: &Signature) -> bool {
    fn has_self(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "Self",
            TokenTree::Group(group) => has_self(group.stream()),
            _ => false,
        })
    }
    signature.receiver().is_none() && has_self(signature.to_token_stream())
}

/// Whether the payload's path begins with a module that is called as the handler.
pub(crate) fn is_named_as_module(signature: &Signature) -> bool {
    let Some(FnArg::Typed(event)) = signature.inputs.first() else {
        return false;
    };
    let Type::Path(path) = &*event.ty else {
        return false;
    };
    let path = &path.path;
    let first = path.segments.first();
    path.leading_colon.is_none()
        && path.segments.len() > 1
        && first.is_some_and(|first| first.ident == signature.ident)
}

/// A list names a handler by a type of its name, and a module is in the way of that.
pub(super) fn module_of_payload(signature: &Signature, errors: &mut Errors) {
    if is_named_as_module(signature) {
        let name = &signature.ident;
        errors.on(
            name,
            format!(
                "handler `{name}` has the name of the module `{name}` that its payload is in, and a list could not tell them apart; \
                 rename it, for example `on_{name}`"
            ),
        );
    }
}
