//! What makes a record an event.

use kaufmann_avro::lock::LockedEvent;
use kaufmann_avro::model::TypeId;
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

use crate::check::{Event, Key, KeyKind};

use super::Render;
use super::scope::ident;
use crate::check::{Callback, CallbackKind};

/// The names of all events but those that are parts of others.
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

/// `index` is the event's place in [`all`]; a part has none.
pub(super) fn event(render: &Render<'_>, index: Option<usize>, event: &Event) -> TokenStream {
    let model = &render.types.model;
    let (named, names) = (model.get(event.root), render.names.get(event.root));
    let (owned, borrowed) = (ident(&names.owned), ident(&names.borrowed));
    let aliases = named.aliases.iter().map(ToString::to_string);
    let (name, defined_at, samples) = (&event.name, model.locate(named.at), &event.samples);
    let topic = option(event.topic.as_deref());
    let path = option(event.key.as_ref().map(|key| key.path.as_str()));
    let key = event.key.as_ref().map(|key| key_method(render, key));
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

        #owned_payload
        #borrowed_payload
    }
}

/// Texts only: what they cost the compiler is their length.
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

/// A function that reads the callback from the borrowed form, by which nothing is copied.
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

/// The key's bytes: those of a string, bytes or fixed as they are, and the text of everything else.
fn key_method(render: &Render<'_>, key: &Key) -> TokenStream {
    let fields = key
        .fields
        .iter()
        .map(|(record, field)| ident(&render.names.get(*record).members[*field]));
    let value = quote!(self #(.#fields)*);
    let bytes = |value: TokenStream| {
        quote! {
            out.extend_from_slice(#value);
            true
        }
    };
    let body = match key.kind {
        KeyKind::String | KeyKind::Symbol => bytes(quote!(#value.as_str().as_bytes())),
        KeyKind::Bytes => bytes(quote!(&#value)),
        KeyKind::Fixed => bytes(quote!(&#value.0)),
        KeyKind::Displayed => display(&value),
        KeyKind::Number => display(&quote!(#value.0)),
    };
    quote! {
        fn key(&self, out: &mut Vec<u8>) -> bool {
            #body
        }
    }
}

/// Writing to a `Vec` does not fail, so this is always true.
fn display(value: &TokenStream) -> TokenStream {
    quote!(::std::io::Write::write_fmt(out, ::core::format_args!("{}", #value)).is_ok())
}
