//! The expansion, and the fallback beside errors.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Generics, parse_quote};

use super::check::Classes;
use super::parse::Class;
use crate::errors::Errors;

/// `impl HandlerError`.
pub(super) fn classed(input: &DeriveInput, classes: &Classes) -> TokenStream {
    let class = match classes {
        Classes::One(class) => path(*class),
        Classes::Each(variants) if variants.is_empty() => quote!(match self {}),
        Classes::Each(variants) => {
            let arms = variants.iter().map(|(name, class)| {
                let class = path(*class);
                quote!(Self::#name { .. } => #class)
            });
            quote!(match &self { #(#arms,)* })
        }
    };
    // With the span of the type's name: there rustc reports that it is not a `std::error::Error`.
    let failure = quote_spanned!(input.ident.span()=> ::kaufmann::__private::classed(self, class));
    implementation(input, &quote!(let class = #class; #failure))
}

/// The errors, and an implementation, so that uses of the type cause no further errors.
pub(super) fn fallback(input: &DeriveInput, errors: Errors) -> TokenStream {
    let implementation = implementation(input, &quote!(::core::unreachable!()));
    let errors = errors.into_tokens();
    quote!(#errors #implementation)
}

fn implementation(input: &DeriveInput, body: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let generics = with_bound(&input.generics);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::kaufmann::__private::HandlerError for #name #arguments #bounds {
            #[allow(unreachable_code)]
            fn into_failure(self) -> ::kaufmann::__private::Failure { #body }
        }
    }
}

/// A generic type may be an error only for some of its parameters, so it needs the bound.
fn with_bound(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        let bound = quote!(::core::marker::Send + ::core::marker::Sync + 'static);
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote!(Self: ::core::error::Error + #bound));
    }
    generics
}

fn path(class: Class) -> TokenStream {
    let class = match class {
        Class::Retry => quote!(Retry {
            after: ::core::option::Option::None
        }),
        Class::RetryAfter(after) => {
            let (seconds, nanos) = (
                Literal::u64_suffixed(after.as_secs()),
                Literal::u32_suffixed(after.subsec_nanos()),
            );
            quote!(Retry { after: ::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanos)) })
        }
        Class::DeadLetter => quote!(DeadLetter),
        Class::Skip => quote!(Skip),
        Class::Fatal => quote!(Fatal),
    };
    quote!(::kaufmann::__private::Class::#class)
}
