//! Checks the names in a signature: `Self` shows an associated function, and a handler must not have the name of its payload's module.

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

/// Whether the payload's path begins with a module of the handler's name.
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

/// Refuses a handler with the name of its payload's module: `service!` finds a handler by a type of its name, and modules share the
/// types' namespace.
pub(super) fn module_of_payload(signature: &Signature, errors: &mut Errors) {
    if is_named_as_module(signature) {
        let name = &signature.ident;
        errors.on(
            name,
            format!(
                "handler `{name}` has the name of the module `{name}` of its payload, and `service!` could not tell the two apart; \
                 rename the handler, for example `on_{name}`"
            ),
        );
    }
}
