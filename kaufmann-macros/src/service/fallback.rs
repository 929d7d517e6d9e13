//! Emitted beside the errors: a service without handlers, so that uses of its name cause no further errors.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand::declaration;
use super::parse::List;
use crate::errors::Errors;

/// The errors and a stub.
pub(super) fn service(list: &List, errors: Errors) -> TokenStream {
    let errors = errors.into_tokens();
    let declaration = declaration(list);
    let name = &list.name;
    let state = list
        .state
        .as_ref()
        .map_or_else(|| quote!(()), |state| quote!(#state));
    quote! {
        #declaration
        #errors

        impl ::kaufmann::__private::Service for #name {
            type State = #state;
            const NAME: &'static str = "";
            const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[];

            async fn dispatch(_: u32, _: &::kaufmann::__private::Context<#state>) -> ::kaufmann::__private::Outcome {
                ::kaufmann::__private::poisoned()
            }
        }
    }
}
