//! `Service::dispatch`: a `match` on the handler's index.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Path;

use super::parts::{is_conditional, of_handler, shared};
use crate::service::parse::Entry;
use crate::spans::{ends, ident};

/// The most handlers of one `match`. In a debug build each arm takes its own stack at every poll, so a long list is split.
const CHUNK: usize = 16;

pub(super) fn dispatch(handlers: &[Entry<Path>]) -> TokenStream {
    let place = place_in_list(handlers);
    let body = if handlers.len() <= CHUNK {
        arms(0, handlers)
    } else {
        chunked(handlers)
    };
    quote! {
        async fn dispatch(
            __handler: u32,
            __cx: &::kaufmann::__private::Context<__State>,
        ) -> ::kaufmann::__private::Outcome {
            #place
            #body
        }
    }
}

/// Maps the index in the table to the index in the list, if they may differ.
fn place_in_list(handlers: &[Entry<Path>]) -> TokenStream {
    if !is_conditional(handlers) {
        return TokenStream::new();
    }
    let places = handlers.iter().enumerate().map(|(at, entry)| {
        let (attributes, at) = (&entry.attributes, literal(at));
        quote!(#(#attributes)* #at)
    });
    quote! {
        const __PLACES: &[u32] = &[#(#places),*];
        let __handler = match __PLACES.get(__handler as usize) {
            ::core::option::Option::Some(place) => *place,
            ::core::option::Option::None => ::kaufmann::__private::no_such_handler(__handler),
        };
    }
}

fn chunked(handlers: &[Entry<Path>]) -> TokenStream {
    let shared = shared();
    let (mut functions, mut calls) = (Vec::new(), Vec::new());
    for (number, chunk) in handlers.chunks(CHUNK).enumerate() {
        let (name, arms) = (format_ident!("__chunk{number}"), arms(number * CHUNK, chunk));
        let number = literal(number);
        functions.push(quote! {
            async fn #name(
                __handler: u32,
                __cx: &::kaufmann::__private::Context<__State>,
            ) -> ::kaufmann::__private::Outcome
            #shared
            {
                #arms
            }
        });
        calls.push(quote!(#number => #name(__handler, __cx).await));
    }
    let chunk = literal(CHUNK);
    quote! {
        #(#functions)*
        match __handler / #chunk {
            #(#calls,)*
            _ => ::kaufmann::__private::no_such_handler(__handler),
        }
    }
}

fn arms(first: usize, handlers: &[Entry<Path>]) -> TokenStream {
    let arms = handlers.iter().enumerate().map(|(offset, entry)| {
        let (attributes, place) = (&entry.attributes, literal(first + offset));
        let (_, span) = ends(&entry.value);
        let (handle, cx) = (of_handler(&entry.value, "handle"), ident("__cx", span));
        quote_spanned!(span=> #(#attributes)* #place => #handle(#cx).await,)
    });
    quote! {
        match __handler {
            #(#arms)*
            _ => ::kaufmann::__private::no_such_handler(__handler),
        }
    }
}

fn literal(place: usize) -> Literal {
    Literal::usize_unsuffixed(place)
}
