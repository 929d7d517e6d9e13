//! What the list must be once the names of the events are known: each event once, and all of them if it says so.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned as _;

use super::{Entry, List, of_handler, path_text};

pub(super) fn checks(list: &List, handlers: &[Entry<Path>]) -> TokenStream {
    let placed = handlers.iter().enumerate().map(|(at, entry)| {
        let (attributes, path) = (&entry.attributes, path_text(&entry.value));
        let listed = of_handler(&entry.value, "LISTED");
        quote_spanned!(entry.value.span()=> #(#attributes)* #listed.place(#at, #path))
    });
    let once = once(handlers);
    let exhaustive = list.exhaustive.as_ref().map(|events| exhaustive(list, events));
    quote! {
        const __LIST: &[::kaufmann::__private::Placed] = &[#(#placed),*];
        #once
        #exhaustive
    }
}

/// One constant for each entry, so that the error stands at the second of two.
fn once(handlers: &[Entry<Path>]) -> TokenStream {
    let (places, slots) = (handlers.len(), 2 * handlers.len() + 1);
    let checks = handlers.iter().enumerate().map(|(at, entry)| {
        let attributes = &entry.attributes;
        quote_spanned! {entry.value.span()=>
            #(#attributes)*
            const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, #at);
        }
    });
    quote! {
        const __EARLIER: [usize; #places] = ::kaufmann::__private::earlier::<#places, #slots>(__LIST);
        #(#checks)*
    }
}

fn exhaustive(list: &List, events: &Path) -> TokenStream {
    let ignored = list.ignore.iter().flat_map(|(_, ignored)| ignored).map(|entry| {
        let (attributes, ty) = (&entry.attributes, &entry.value);
        quote_spanned!(ty.span()=> #(#attributes)* ::kaufmann::__private::ignored::<#ty>(__LIST))
    });
    let check = quote_spanned! {events.span()=>
        const _: () = ::kaufmann::__private::exhaustive(&#events::ALL, __LIST, __IGNORED);
    };
    quote! {
        const __IGNORED: &[::kaufmann::__private::Ignored] = &[#(#ignored),*];
        #check
    }
}
