//! The expansion of a handler without errors.
//!
//! Spans put rustc's errors at the user's tokens, and keep each error single: rustc prints identical errors once, so every use of a
//! bound is the same path with the same spans.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Signature, Type};

use super::model::{Context, Handler, Payload};
use super::parse::Function;
use crate::spans::{ends, ident, located, qualified};

/// The function, its twin, and the twin's trait impls.
pub(super) fn handler(function: &Function, handler: &Handler) -> TokenStream {
    let name = &function.signature.ident;
    let visibility = &function.visibility;
    let twin = twin(name);
    let info = info(handler);
    let run = run(function, handler);
    let check = check(name, handler);
    quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #twin {}

        #[automatically_derived]
        impl ::kaufmann::__private::HandlerInfo for #twin { #info }

        #run

        #check
    }
}

/// The check of the declared event name; its error points at the literal. The constant has a name, because an unnamed one would count
/// as a use of the function, and rustc would not report a handler that no list has. `EVENT` does not use it, or each list would fail too.
fn check(name: &Ident, handler: &Handler) -> Option<TokenStream> {
    let (declared, info) = match &handler.payload {
        Payload::Event { declared, ty } => (declared, event_const("Payload", ty, "INFO")),
        Payload::Batch { declared, ty } => (declared, event_const("BatchPayload", ty, "INFO")),
        Payload::Tombstone { declared, ty } => (declared, event_const("TombstonePayload", ty, "INFO")),
        Payload::AnyRecord { .. } => return None,
    };
    let check = format_ident!("__KAUFMANN_CHECK_{}", name.unraw(), span = located(name.span()));
    let text = name.unraw().to_string();
    let declared = quote_spanned!(declared.span()=> ::kaufmann::__private::declared(#text, #declared, #info));
    Some(quote! {
        #[allow(non_upper_case_globals)]
        const #check: () = #declared;
    })
}

/// The handler's name in the type namespace. Its span is the function's name, for "go to definition", with the macro's hygiene, for
/// lints.
pub(super) fn twin(name: &Ident) -> Ident {
    let mut twin = name.clone();
    twin.set_span(located(name.span()));
    twin
}

fn info(handler: &Handler) -> TokenStream {
    let known = |payload, declared, ty| {
        let (info, index) = (
            event_const(payload, ty, "INFO"),
            event_const(payload, ty, "INDEX"),
        );
        (
            quote!(::core::option::Option::Some(::kaufmann::__private::or_poison(#declared, #info))),
            index,
        )
    };
    let (event, index) = match &handler.payload {
        Payload::Event { declared, ty } => known("Payload", declared, ty),
        Payload::Batch { declared, ty } => known("BatchPayload", declared, ty),
        Payload::Tombstone { declared, ty } => known("TombstonePayload", declared, ty),
        Payload::AnyRecord { .. } => (
            quote!(::core::option::Option::None),
            quote!(::core::primitive::usize::MAX),
        ),
    };
    let returns = returned(handler, "EMITS");
    let emits = handler
        .emits
        .iter()
        .map(|ty| qualified(ty, &quote!(Event), "INFO"));
    let limits = handler.limits.expand();
    let tombstone = matches!(handler.payload, Payload::Tombstone { .. }).then(|| {
        quote!(
            const TOMBSTONE: ::core::primitive::bool = true;
        )
    });
    quote! {
        #limits
        #tombstone
        const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = #event;
        const INDEX: usize = #index;
        const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = #returns;
        const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[#(#emits),*];
    }
}

/// A constant of a payload's event; `payload` is the trait that gives the event.
fn event_const(payload: &str, ty: &Type, name: &str) -> TokenStream {
    let (first, last) = ends(ty);
    let (event, name) = (
        qualified(ty, &Ident::new(payload, first).to_token_stream(), "Event"),
        Ident::new(name, last),
    );
    quote_spanned!(first=> <#event as ::kaufmann::__private::Event>::#name)
}

/// An item of the trait of return types.
fn returned(handler: &Handler, item: &str) -> TokenStream {
    let returned = match handler.payload {
        Payload::Batch { .. } => quote!(BatchReturned),
        Payload::Event { .. } | Payload::Tombstone { .. } | Payload::AnyRecord { .. } => quote!(Returned),
    };
    qualified(&handler.returns, &returned, item)
}

/// `impl Handler<…>`.
fn run(function: &Function, handler: &Handler) -> TokenStream {
    let name = &function.signature.ident;
    let twin = twin(name);
    let span = located(name.span());
    let cx = ident("__cx", name.span());
    let (parameters, state, bound) = match &handler.context {
        Context::None => (
            quote!(<__S: ::core::marker::Send + ::core::marker::Sync>),
            quote!(__S),
            TokenStream::new(),
        ),
        Context::Of(state) => (TokenStream::new(), quote!(#state), TokenStream::new()),
        Context::Alias(alias) => (
            quote!(<__S: ::core::marker::Send + ::core::marker::Sync>),
            quote!(__S),
            quote!(where ::kaufmann::__private::Context<__S>: ::kaufmann::__private::Same<#alias>),
        ),
    };
    let body = body(name, handler, &cx);
    // Everything but the body has the span of the function's name: there rustc reports a future that is not `Send`.
    let handle = quote_spanned! {span=>
        async fn handle(#cx: &::kaufmann::__private::Context<#state>) -> ::kaufmann::__private::Outcome
    };
    let implement = implement(&function.signature);
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        #implement #parameters ::kaufmann::__private::Handler<#state> for #twin #bound {
            #handle { #body }
        }
    }
}

/// The keyword `impl`, with the span of the function's name. If the state's type is unknown, rustc may suggest a type parameter; it must
/// suggest the same location for the function and the impl, or it reports the error twice.
fn implement(signature: &Signature) -> TokenStream {
    match &signature.generics.lt_token {
        Some(_) => quote!(impl),
        None => quote_spanned!(signature.ident.span()=> impl),
    }
}

fn body(name: &Ident, handler: &Handler, cx: &Ident) -> TokenStream {
    let into = ident("__into_outcome", name.span());
    let into_outcome = returned(handler, "into_outcome");
    let outcome = match &handler.payload {
        Payload::Event { ty, .. } => decoded(name, handler, ty, cx),
        Payload::Batch { ty, .. } => gathered(name, handler, ty, cx),
        Payload::Tombstone { ty, .. } => tombstone(name, handler, ty, cx),
        Payload::AnyRecord { ty } => any_record(name, handler, ty, cx),
    };
    quote! {
        let #into = #into_outcome;
        #outcome
    }
}

/// Passes the event from the decoder's result straight to the handler: a variable in between would be one more copy.
fn decoded(name: &Ident, handler: &Handler, ty: &Type, cx: &Ident) -> TokenStream {
    let (_, last) = ends(ty);
    let (event, error) = (ident("__event", name.span()), ident("__error", last));
    let decode = qualified(ty, &quote!(Payload), "decode");
    let decode = quote_spanned!(last=> #decode(#cx.record().body()));
    let outcome = outcome(name, handler, &event, cx);
    quote_spanned! {last=>
        match #decode {
            ::core::result::Result::Ok(#event) => #outcome,
            ::core::result::Result::Err(#error) => ::kaufmann::__private::undecodable(#error),
        }
    }
}

/// A tombstone has a key and nothing to decode.
fn tombstone(name: &Ident, handler: &Handler, ty: &Type, cx: &Ident) -> TokenStream {
    let (_, last) = ends(ty);
    let (event, error) = (ident("__event", name.span()), ident("__error", last));
    let read = qualified(ty, &quote!(TombstonePayload), "read");
    let read = quote_spanned!(last=> #read(#cx.record()));
    let outcome = outcome(name, handler, &event, cx);
    quote_spanned! {last=>
        match #read {
            ::core::result::Result::Ok(#event) => #outcome,
            ::core::result::Result::Err(#error) => ::kaufmann::__private::keyless(#error),
        }
    }
}

/// Passes the decoded events of a batch to the handler, and adds the undecodable ones to its result.
fn gathered(name: &Ident, handler: &Handler, ty: &Type, cx: &Ident) -> TokenStream {
    let (_, last) = ends(ty);
    let (event, rest) = (ident("__event", name.span()), ident("__rest", last));
    let decode = qualified(ty, &quote!(BatchPayload), "decode");
    let decode = quote_spanned!(last=> #decode(#cx));
    let outcome = outcome(name, handler, &event, cx);
    quote_spanned! {last=>
        let ::kaufmann::__private::Decoded { payload: #event, rest: #rest } = #decode;
        match #event {
            ::core::option::Option::Some(#event) => #rest.conclude(::core::option::Option::Some(#outcome)),
            ::core::option::Option::None => #rest.conclude(::core::option::Option::None),
        }
    }
}

fn any_record(name: &Ident, handler: &Handler, ty: &Type, cx: &Ident) -> TokenStream {
    let (_, last) = ends(ty);
    let take = qualified(ty, &quote!(AnyRecord), "take");
    let record = quote_spanned!(last=> #take(#cx.record()));
    let event = ident("__event", name.span());
    let outcome = outcome(name, handler, &event, cx);
    quote!(let #event = #record; #outcome)
}

fn outcome(name: &Ident, handler: &Handler, event: &Ident, cx: &Ident) -> TokenStream {
    let into = ident("__into_outcome", name.span());
    let size = match handler.context {
        Context::None => quote!(future_size1),
        Context::Of(_) | Context::Alias(_) => quote!(future_size),
    };
    let call = call(name, handler, event, cx);
    quote! {
        #into(
            ::kaufmann::__private::MaybeBoxed::<
                { ::kaufmann::__private::#size(&#name) > ::kaufmann::__private::LIMIT }
            >::build(move || #call).await
        )
    }
}

fn call(name: &Ident, handler: &Handler, event: &Ident, cx: &Ident) -> TokenStream {
    match &handler.context {
        Context::None => quote!(#name(#event)),
        Context::Of(_) => quote!(#name(#event, #cx)),
        Context::Alias(alias) => quote_spanned! {located(alias.span())=>
            #name(#event, ::kaufmann::__private::Same::<#alias>::same(#cx))
        },
    }
}
