//! The expansion of a list without errors: the service's type, its `Service` impl, and the checks.

mod parts;

mod checks;
mod dispatch;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue, Type};

use self::parts::{of_handler, path_text, shared};
use super::parse::List;
use crate::spans::{ends, ident};

/// The whole expansion. All but the service's type is in an unnamed constant, so that its names clash with no others.
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

/// The service's type, with the user's attributes and visibility.
pub(super) fn declaration(list: &List) -> TokenStream {
    let List {
        attributes,
        visibility,
        name,
        ..
    } = list;
    quote!(#(#attributes)* #visibility struct #name;)
}
