//! Emitted beside the errors: code that keeps them from causing further errors.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::check::names;
use super::expand::twin;
use super::parse::Function;
use crate::errors::Errors;

/// The item as it was: it is not a function, and cannot be listed.
pub(super) fn other_item(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!(#item #errors)
}

/// The function as it was, and a twin that `service!` accepts without another error. An associated function gets none: items are not
/// allowed in an `impl`.
pub(super) fn handler(function: &Function, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let signature = &function.signature;
    let no_item = signature.receiver().is_some() || names::is_associated(signature);
    // A twin would clash with a module of its name: a second error.
    let poisoned = match no_item || names::is_named_as_module(signature) {
        true => TokenStream::new(),
        false => poisoned(&signature.ident, function),
    };
    quote!(#function #errors #poisoned)
}

fn poisoned(name: &Ident, function: &Function) -> TokenStream {
    let twin_name = twin(name);
    let visibility = &function.visibility;
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #twin_name {}

        impl ::kaufmann::__private::HandlerInfo for #twin_name {
            const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> =
                ::core::option::Option::Some(&::kaufmann::__private::POISON);
            const INDEX: usize = ::core::primitive::usize::MAX;
            const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
            const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
        }

        impl<__S: ::core::marker::Send + ::core::marker::Sync> ::kaufmann::__private::Handler<__S> for #twin_name {
            async fn handle(_: &::kaufmann::__private::Context<__S>) -> ::kaufmann::__private::Outcome {
                ::kaufmann::__private::poisoned()
            }
        }
    }
}
