//! The expansion of a list without errors: the marker, its `Service`, and the checks.

mod checks;
mod dispatch;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue, Path, Type};

use super::parse::{Entry, List};
use crate::spans::{ends, ident, qualified};

/// The whole expansion. All but the marker stands in an unnamed constant, whose names are nobody else's.
pub(super) fn service(list: &List, state: &Type) -> TokenStream {
    let declaration = declaration(list);
    let name = &list.name;
    let text = name.unraw().to_string();
    let handlers = list.handlers.as_deref().unwrap_or_default();
    let entries = handlers.iter().map(|entry| {
        let (attributes, path) = (&entry.attributes, path_text(&entry.value));
        let listed = of_handler(&entry.value, "LISTED");
        let (_, last) = ends(&entry.value);
        quote_spanned!(last=> #(#attributes)* #listed.entry(#path))
    });
    let dispatch = dispatch::dispatch(handlers);
    let (placed, checks) = (checks::placed(handlers), checks::checks(list, handlers, state));
    let alias = ident("__State", state.span());
    let shared = shared();
    let about = about(&list.attributes);
    quote! {
        #declaration

        const _: () = {
            type #alias = #state;

            #[automatically_derived]
            impl ::kaufmann::__private::Service for #name #shared {
                type State = #state;
                const NAME: &'static str = #text;
                const ABOUT: &'static str = #about;
                const VERSION: &'static str = match ::core::option_env!("CARGO_PKG_VERSION") {
                    ::core::option::Option::Some(version) => version,
                    ::core::option::Option::None => "",
                };
                const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[#(#entries),*];
                const LIST: &'static [::kaufmann::__private::Placed] = &[#(#placed),*];

                #dispatch
            }

            #checks
        };
    }
}

/// Takes for granted that handlers can share the state: a state that they cannot share is refused once, where the list is taken, and
/// not by each handler. Without the lifetime rustc would look at once whether it is so.
fn shared() -> TokenStream {
    quote!(where for<'__a> __State: ::kaufmann::__private::SharedState)
}

/// The service's doc comment, which `--help` shows.
fn about(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value: Expr::Lit(ExprLit {
                lit: Lit::Str(line), ..
            }),
            ..
        }) if path.is_ident("doc") => Some(line.value()),
        _ => None,
    });
    let text = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned());
    text.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The marker, with the user's attributes and visibility.
pub(super) fn declaration(list: &List) -> TokenStream {
    let List {
        attributes,
        visibility,
        name,
        ..
    } = list;
    quote!(#(#attributes)* #visibility struct #name;)
}

/// An item of the handler's `Handler<State>`, all of it at the entry, so that however often it is named it fails once.
fn of_handler(path: &Path, item: &str) -> TokenStream {
    qualified(path, &quote!(Handler<__State>), item)
}

/// An entry as it is written.
fn path_text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}

/// Whether an entry may be compiled out, so that the places in the table are not those in the list.
fn is_conditional<T>(entries: &[Entry<T>]) -> bool {
    entries.iter().any(|entry| !entry.attributes.is_empty())
}
