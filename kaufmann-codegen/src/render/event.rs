//! The implementation of `Event` for a record.

use kaufmann_avro::lock::LockedEvent;
use kaufmann_avro::model::{Definition, TypeId};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

use crate::check::{Event, Key, KeyKind, single};
use crate::model::Shape;

use super::Render;
use super::scope::ident;
use crate::check::{Callback, CallbackKind};

/// The names of all events except those that are parts of others.
pub(super) fn all(events: &[Event]) -> TokenStream {
    let names = events.iter().filter(|event| !event.part).map(|event| &event.name);
    let names = names.collect::<Vec<_>>();
    let count = Literal::usize_unsuffixed(names.len());
    quote! {
        /// The names of all events, sorted; the `INDEX` of an event is its place here.
        #[allow(dead_code, unreachable_pub)]
        pub const ALL: [&str; #count] = [#(#names),*];
    }
}

/// `index` is the event's index in [`all`]; a part has none.
pub(super) fn event(render: &Render<'_>, index: Option<usize>, event: &Event) -> TokenStream {
    let model = &render.types.model;
    let (named, names) = (model.get(event.root), render.names.get(event.root));
    let (owned, borrowed) = (ident(&names.owned), ident(&names.borrowed));
    let aliases = named.aliases.iter().map(ToString::to_string);
    let (name, defined_at, samples) = (&event.name, model.locate(named.at), &event.samples);
    let topic = option(event.topic.as_deref());
    let path = option(event.key.as_ref().map(|key| key.path.as_str()));
    let key = event.key.as_ref().map(|key| key_method(render, key));
    let keyed = event.key.as_ref().map(|key| keyed(render, event.root, key));
    let lock = lock(event.locked.as_ref());
    let callback = callback(render, &borrowed, event.callback.as_ref());
    let index = index.map_or_else(
        || quote!(usize::MAX),
        |index| Literal::usize_unsuffixed(index).into_token_stream(),
    );
    let borrowed_payload = render
        .types
        .layout
        .record_borrows(event.root)
        .then(|| payload(&quote!(#borrowed<'_>), &owned, &quote!(#borrowed<'r>)));
    let owned_payload = payload(&quote!(#owned), &owned, &quote!(#owned));
    quote! {
        impl Event for #owned {
            const INFO: &'static EventInfo = &EventInfo {
                name: #name,
                full_name: #owned::FULL_NAME,
                aliases: &[#(#aliases),*],
                schema: #owned::SCHEMA,
                fingerprint: #owned::FINGERPRINT,
                topic: #topic,
                key: #path,
                defined_at: #defined_at,
                samples: &[#(#samples),*],
                lock: #lock,
                callback: #callback,
            };
            const INDEX: usize = #index;
            #key
        }

        #keyed

        #owned_payload
        #borrowed_payload
    }
}

/// Only string literals, which cost the compiler no more than their length.
fn lock(locked: Option<&LockedEvent>) -> TokenStream {
    let Some(locked) = locked else {
        return quote!(None);
    };
    let (subject, level) = (&locked.subject, locked.level.as_str());
    let versions = locked.versions().map(|version| {
        let number = Literal::u32_unsuffixed(version.number());
        let (id, schema) = (Literal::u32_unsuffixed(version.id()), version.text());
        quote!(::kaufmann::event::LockedVersion { number: #number, id: #id, schema: #schema })
    });
    quote! {
        Some(&::kaufmann::event::EventLock {
            subject: #subject,
            compatibility: #level,
            versions: &[#(#versions),*],
        })
    }
}

/// A function that reads the callback from the borrowed form, without copying.
fn callback(render: &Render<'_>, borrowed: &proc_macro2::Ident, callback: Option<&Callback>) -> TokenStream {
    let Some(callback) = callback else {
        return quote!(None);
    };
    let member = |(record, field): (TypeId, usize)| ident(&render.names.get(record).members[field]);
    let optional = |optional: bool| optional.then(|| quote!(?));
    let (meta, meta_optional) = (member(callback.meta), optional(callback.meta_optional));
    let topic = member(callback.topic);
    let value = quote!(body.decode::<#borrowed<'_>>().ok()?.#meta #meta_optional .#topic);
    let read = match &callback.kind {
        CallbackKind::Name => quote!(::kaufmann::event::Callback::new(#value, None)),
        CallbackKind::Record {
            optional: is_optional,
            topic,
            partition,
        } => {
            let (own, topic) = (optional(*is_optional), member(*topic));
            let partition = partition.map_or_else(
                || quote!(None),
                |partition| {
                    let partition = member(partition);
                    quote!(callback.#partition)
                },
            );
            quote! {
                let callback = #value #own;
                ::kaufmann::event::Callback::new(callback.#topic, #partition)
            }
        }
    };
    quote!(Some(::kaufmann::event::ReadCallback(|body| { #read })))
}

fn option(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    }
}

fn payload(form: &TokenStream, event: &proc_macro2::Ident, at: &TokenStream) -> TokenStream {
    quote! {
        impl Payload for #form {
            type Event = #event;
            type At<'r> = #at;

            #[inline]
            fn decode(
                body: Body<'_>,
            ) -> Result<Self::At<'_>, DecodeError> {
                body.decode()
            }
        }
    }
}

/// The key's bytes: those of a string, bytes or fixed unchanged, and the text of everything else.
fn key_method(render: &Render<'_>, key: &Key) -> TokenStream {
    let fields = key
        .fields
        .iter()
        .map(|(record, field)| ident(&render.names.get(*record).members[*field]));
    let written = written(key.kind, &quote!(self #(.#fields)*));
    let body = match key.kind {
        KeyKind::Displayed | KeyKind::Number => written,
        KeyKind::String | KeyKind::Symbol | KeyKind::Bytes | KeyKind::Fixed => quote! {
            #written;
            true
        },
    };
    quote! {
        fn key(&self, out: &mut Vec<u8>) -> bool {
            #body
        }
    }
}

/// An expression that appends a key's bytes to `out`; that of a text ignores the result, because writing to a `Vec` does not
/// fail.
fn written(kind: KeyKind, value: &TokenStream) -> TokenStream {
    let display = |value: &TokenStream| {
        quote!(::std::io::Write::write_fmt(out, ::core::format_args!("{}", #value)).is_ok())
    };
    match kind {
        KeyKind::String | KeyKind::Symbol => quote!(out.extend_from_slice(#value.as_str().as_bytes())),
        KeyKind::Bytes => quote!(out.extend_from_slice(&#value)),
        KeyKind::Fixed => quote!(out.extend_from_slice(&#value.0)),
        KeyKind::Displayed => display(value),
        KeyKind::Number => display(&quote!(#value.0)),
    }
}

/// The key as a type of its own, for tombstones, which have only a key.
fn keyed(render: &Render<'_>, root: TypeId, key: &Key) -> TokenStream {
    let Some((record, field)) = key.fields.last() else {
        return TokenStream::new();
    };
    let shape = single(&render.types.fields[record.0][*field]);
    let ty = render.scope(root, false).ty(shape);
    let owned = ident(&render.names.get(root).owned);
    let keys = quote!(::kaufmann::__private::keys);
    let read = match (key.kind, shape) {
        (KeyKind::String, _) => quote!(#keys::text(key)),
        (KeyKind::Bytes, _) => quote!(Some(Vec::from(key))),
        (KeyKind::Displayed, _) => quote!(#keys::parsed(key)),
        (KeyKind::Number, _) => quote!(#keys::parsed(key).map(#ty)),
        (KeyKind::Symbol, Shape::Enum(id)) => symbol(render, *id, &ty),
        (KeyKind::Fixed | KeyKind::Symbol, _) => quote!(#keys::array(key).map(#ty)),
    };
    let value = match key.kind {
        KeyKind::Bytes | KeyKind::Displayed => quote!(*key),
        _ => quote!(key),
    };
    let write = match key.kind {
        KeyKind::Bytes => quote!(out.extend_from_slice(key)),
        kind => written(kind, &value),
    };
    quote! {
        impl ::kaufmann::Keyed for #owned {
            type Key = #ty;

            fn read_key(key: &[u8]) -> Option<#ty> {
                #read
            }

            fn write_key(key: &#ty, out: &mut Vec<u8>) {
                let _ = #write;
            }
        }
    }
}

fn symbol(render: &Render<'_>, id: TypeId, ty: &TokenStream) -> TokenStream {
    let Definition::Enum { symbols, .. } = &render.types.model.get(id).definition else {
        return TokenStream::new();
    };
    let texts = symbols
        .iter()
        .map(|symbol| Literal::byte_string(symbol.name.as_bytes()));
    let variants = render.names.get(id).members.iter().map(|name| ident(name));
    quote! {
        Some(match key {
            #(#texts => #ty::#variants,)*
            _ => return None,
        })
    }
}
