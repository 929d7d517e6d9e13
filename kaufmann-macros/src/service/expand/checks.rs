//! Checks of a list in constant evaluation, where the events are known: each event is handled once, and with `exhaustive` every event is.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Path, Type};

use super::parts::{of_handler, path_text};
use crate::service::parse::{Entry, List};
use crate::spans::{ends, qualified};

/// The entries, each with its index in the list.
pub(super) fn placed(handlers: &[Entry<Path>]) -> impl Iterator<Item = TokenStream> {
    handlers.iter().enumerate().map(|(at, entry)| {
        let (attributes, path) = (&entry.attributes, path_text(&entry.value));
        let listed = of_handler(&entry.value, "LISTED");
        let (_, last) = ends(&entry.value);
        quote_spanned!(last=> #(#attributes)* #listed.place(#at, #path))
    })
}

/// Uses the list with the span of the state, so that a state that handlers cannot share is refused there.
pub(super) fn checks(list: &List, handlers: &[Entry<Path>], state: &Type) -> TokenStream {
    let (first, last) = ends(state);
    let mut name = list.name.clone();
    name.set_span(name.span().located_at(first));
    let service = quote_spanned!(first=> <#name as ::kaufmann::__private::Service>);
    let list_of_service = quote_spanned!(last=> #service::LIST);
    let once = once(handlers);
    let exhaustive = list.exhaustive.as_ref().map(|events| exhaustive(list, events));
    quote! {
        const __LIST: &[::kaufmann::__private::Placed] = #list_of_service;
        #once
        #exhaustive
    }
}

/// One constant for each entry, so that the error points at the second of two.
fn once(handlers: &[Entry<Path>]) -> TokenStream {
    let (places, slots) = (handlers.len(), 2 * handlers.len() + 1);
    let checks = handlers.iter().enumerate().map(|(place, entry)| {
        let attributes = &entry.attributes;
        let call = at(&entry.value, "listed_once", &quote!(__LIST, &__EARLIER, #place));
        quote! {
            #(#attributes)*
            const _: () = #call;
        }
    });
    quote! {
        const __EARLIER: [usize; #places] = ::kaufmann::__private::earlier::<#places, #slots>(__LIST);
        #(#checks)*
    }
}

fn exhaustive(list: &List, events: &Path) -> TokenStream {
    let ignore = list.ignore.iter().flat_map(|(_, ignored)| ignored);
    let (mut ignored, mut checks) = (Vec::new(), Vec::new());
    for Entry { attributes, value } in ignore {
        let (info, index) = (
            qualified(value, &quote!(Event), "INFO"),
            qualified(value, &quote!(Event), "INDEX"),
        );
        let check = at(value, "not_handled", &quote!(__LIST, #info, #index));
        ignored.push(quote!(#(#attributes)* (#info, #index)));
        checks.push(quote!(#(#attributes)* const _: () = #check;));
    }
    let all = quote_spanned!(ends(events).1=> &#events::ALL);
    let check = at(events, "exhaustive", &quote!(#all, __LIST, __IGNORED));
    quote! {
        const __IGNORED: &[(&::kaufmann::__private::EventInfo, usize)] = &[#(#ignored),*];
        #(#checks)*
        const _: () = #check;
    }
}

/// A call of a check whose error points at the user's tokens.
fn at(place: &impl ToTokens, check: &str, arguments: &TokenStream) -> TokenStream {
    let (first, last) = ends(place);
    let check = Ident::new(check, first);
    let path = quote_spanned!(first=> ::kaufmann::__private::#check);
    quote_spanned!(last=> #path(#arguments))
}
