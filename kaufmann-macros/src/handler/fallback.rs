//! What is emitted beside the errors, so that they stay the only ones.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::expand::twin;
use super::parse::Function;
use crate::errors::Errors;

/// The item as it was: it is no function, and nothing can list it.
pub(super) fn other_item(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    quote!(#item #errors)
}

/// The function as it was, and a twin that a list takes without complaint. A method gets none: items may not stand there.
pub(super) fn handler(function: &Function, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let poisoned = match function.signature.receiver() {
        Some(_) => TokenStream::new(),
        None => poisoned(&function.signature.ident, function),
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
