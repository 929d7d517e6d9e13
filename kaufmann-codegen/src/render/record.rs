//! A record: the owned struct, the borrowed one, and how both are written, read and constructed.

use kaufmann_avro::model::{Field, TypeId};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::model::Shape;

use super::codec::statements;
use super::resolved::{Filler, Slot};
use super::scope::{JSON_FIELD, Place, Scope, ident};
use super::{Render, docs, resolved};

/// A field and everything rendered from it.
struct Member<'a> {
    field: &'a Field,
    shape: &'a Shape,
    name: Ident,
    /// The function that makes its default.
    default_fn: Ident,
}

pub(super) fn record(render: &Render<'_>, id: TypeId, fields: &[Field]) -> TokenStream {
    let names = &render.names.get(id).members;
    let members = fields.iter().zip(&render.types.fields[id.0]).zip(names);
    let members = members.map(|((field, shape), name)| Member {
        field,
        shape,
        name: ident(name),
        default_fn: format_ident!("default_{name}"),
    });
    let members = members.collect::<Vec<_>>();
    let mut items = owned(render, id, &members);
    items.extend(borrowed(render, id, &members));
    items
}

fn owned(render: &Render<'_>, id: TypeId, members: &[Member<'_>]) -> TokenStream {
    let (named, scope) = (render.types.model.get(id), render.scope(id, false));
    let name = ident(&render.names.get(id).owned);
    let doc = docs::or(named.doc.as_deref(), &format!("Record `{}`.", named.name));
    let place = docs::text(&format!(
        "\nDefined by `{}`.",
        render.types.model.locate(named.at)
    ));
    let layout = &render.types.layout;
    let derives = render.derives(
        id,
        false,
        layout.record_copies(id, false),
        layout.record_hashes(id),
    );
    let fields = members.iter().map(|member| {
        let (doc, serde) = (field_doc(member.field), serde_attribute(&name, member));
        let (name, ty) = (&member.name, scope.ty(member.shape));
        quote!(#doc #serde pub #name: #ty)
    });
    let (consts, new) = (render.consts(id), new(&scope, members));
    let defaults = members.iter().filter_map(|member| default_fn(&scope, member));
    let default = members
        .iter()
        .all(|member| member.field.default.is_some())
        .then(|| {
            quote! {
                impl Default for #name {
                    fn default() -> Self {
                        Self::new()
                    }
                }
            }
        });
    let codec = codec(render, id, members, &scope);
    quote! {
        #doc
        #place
        #derives
        #[derive(Serialize, Deserialize)]
        #[serde(crate = "::kaufmann::__private::serde")]
        pub struct #name {
            #(#fields,)*
        }

        impl #name {
            #consts
            #new
            #(#defaults)*
        }

        #default
        #codec
    }
}

fn field_doc(field: &Field) -> TokenStream {
    docs::or(field.doc.as_deref(), &format!("Field `{}`.", field.name))
}

fn serde_attribute(record: &Ident, member: &Member<'_>) -> Option<TokenStream> {
    let text = &member.field.name;
    let rename = (member.name != text && member.name != format!("r#{text}")).then(|| quote!(rename = #text));
    let with = member.shape.has_own_json().then(|| quote!(with = #JSON_FIELD));
    // Serde reads a missing option as `None`, unless the field has a `with` attribute.
    let default = member
        .field
        .default
        .as_ref()
        .filter(|default| !default.is_null())
        .map(|_| {
            let path = format!("{record}::{}", member.default_fn);
            quote!(default = #path)
        })
        .or_else(|| {
            let optional = matches!(member.shape, Shape::Optional { .. });
            (with.is_some() && optional).then(|| quote!(default))
        });
    let all = [rename, default, with].into_iter().flatten().collect::<Vec<_>>();
    (!all.is_empty()).then(|| quote!(#[serde(#(#all),*)]))
}

/// A constructor with a parameter for each field without a default.
fn new(scope: &Scope<'_>, members: &[Member<'_>]) -> TokenStream {
    let required = members.iter().filter(|member| member.field.default.is_none());
    let parameters = required.map(|member| {
        let (name, ty) = (&member.name, scope.ty(member.shape));
        quote!(#name: #ty)
    });
    let values = members.iter().map(|member| {
        let (name, default_fn) = (&member.name, &member.default_fn);
        match member.field.default {
            None => quote!(#name),
            Some(serde_json::Value::Null) => {
                let null = scope.default(member.shape, &serde_json::Value::Null);
                quote!(#name: #null)
            }
            Some(_) => quote!(#name: Self::#default_fn()),
        }
    });
    let doc = if members.iter().all(|member| member.field.default.is_none()) {
        "Makes one of its fields."
    } else {
        "Makes one of the fields that have no default; the others have theirs."
    };
    let doc = docs::text(doc);
    quote! {
        #doc
        #[must_use]
        pub fn new(#(#parameters),*) -> Self {
            Self { #(#values,)* }
        }
    }
}

/// A default by itself: for the constructor, and for serde where the field is missing.
fn default_fn(scope: &Scope<'_>, member: &Member<'_>) -> Option<TokenStream> {
    let default = member
        .field
        .default
        .as_ref()
        .filter(|default| !default.is_null())?;
    let (name, ty) = (&member.default_fn, scope.ty(member.shape));
    let value = scope.default(member.shape, default);
    Some(quote! {
        fn #name() -> #ty {
            #value
        }
    })
}

fn borrowed(render: &Render<'_>, id: TypeId, members: &[Member<'_>]) -> TokenStream {
    let names = render.names.get(id);
    let (owned, name) = (ident(&names.owned), ident(&names.borrowed));
    let layout = &render.types.layout;
    if !layout.record_borrows(id) {
        let doc = docs::text(&format!(
            "[`{owned}`](struct@{owned}), which has nothing that could borrow from the input."
        ));
        return quote!(#doc pub type #name<'a> = #owned;);
    }
    let scope = render.scope(id, true);
    let doc = docs::text(&format!("[`{owned}`](struct@{owned}), borrowed from the input."));
    let derives = render.derives(id, true, layout.record_copies(id, true), layout.record_hashes(id));
    let fields = members.iter().map(|member| {
        let (doc, name, ty) = (field_doc(member.field), &member.name, scope.ty(member.shape));
        quote!(#doc pub #name: #ty)
    });
    let values = members.iter().map(|member| {
        let name = &member.name;
        let value = scope.own(member.shape, &Place::Value(quote!(self.#name)));
        quote!(#name: #value)
    });
    let codec = codec(render, id, members, &scope);
    quote! {
        #doc
        #derives
        pub struct #name<'a> {
            #(#fields,)*
        }

        impl #name<'_> {
            /// The same value without borrowing.
            #[must_use]
            pub fn to_owned(&self) -> #owned {
                #owned { #(#values,)* }
            }
        }

        impl From<#name<'_>> for #owned {
            fn from(value: #name<'_>) -> Self {
                value.to_owned()
            }
        }

        #codec
    }
}

/// Writing and reading in one form. Records within others are worth inlining; recursive ones cannot be.
fn codec(render: &Render<'_>, id: TypeId, members: &[Member<'_>], scope: &Scope<'_>) -> TokenStream {
    let names = render.names.get(id);
    let recursive = render.types.layout.recursive(id);
    let inline = (!recursive && !render.events.contains_key(&id)).then(|| quote!(#[inline]));
    let name = ident(if scope.borrowed {
        &names.borrowed
    } else {
        &names.owned
    });
    let (anonymous, generics) = if scope.borrowed {
        (quote!(<'_>), quote!(<'a>))
    } else {
        (TokenStream::new(), TokenStream::new())
    };
    let writes = members.iter().flat_map(|member| {
        let name = &member.name;
        scope.encode(member.shape, &Place::Value(quote!(self.#name)))
    });
    let writes = statements(&writes.collect::<Vec<_>>());
    let (out, cursor) = (
        parameter("out", writes.is_empty()),
        parameter(
            "cursor",
            members.iter().all(|member| *member.shape == Shape::Null),
        ),
    );
    let body = decode_body(members, scope, recursive);
    let slots = members.iter().map(|member| Slot {
        name: &member.name,
        shape: member.shape,
        default: slot_default(render, id, member, scope),
    });
    let slots = slots.collect::<Vec<_>>();
    let resolved = resolved::record(&quote!(#name #generics), &slots, scope, recursive);
    quote! {
        impl Encode for #name #anonymous {
            #inline
            fn encode(&self, #out: &mut Vec<u8>) {
                #writes
            }
        }

        impl<'a> Decode<'a> for #name #generics {
            #inline
            fn decode(
                #cursor: &mut Cursor<'a>,
            ) -> Result<Self, DecodeError> {
                #body
            }
        }

        #resolved
    }
}

/// The body of `decode`. The values of a recursive type are counted.
fn decode_body(members: &[Member<'_>], scope: &Scope<'_>, recursive: bool) -> TokenStream {
    let reads = members.iter().map(|member| {
        let (name, value) = (&member.name, scope.decode(member.shape).value());
        quote!(#name: #value)
    });
    let value = quote!(Self { #(#reads,)* });
    if recursive {
        quote! {
            cursor.descend()?;
            let value = #value;
            cursor.ascend();
            Ok(value)
        }
    } else {
        quote!(Ok(#value))
    }
}

/// An expression of a member's default. The borrowed form has its own if it borrows: from static data.
fn slot_default(render: &Render<'_>, id: TypeId, member: &Member<'_>, scope: &Scope<'_>) -> Option<Filler> {
    let default = member.field.default.as_ref()?;
    if default.is_null() {
        let optional = match member.shape {
            Shape::Optional { .. } => true,
            Shape::Union(id) => render.types.union(*id).null.is_some(),
            _ => false,
        };
        return Some(if optional {
            Filler::Null
        } else {
            Filler::Value(scope.default(member.shape, default))
        });
    }
    if scope.borrowed && render.types.layout.borrows(member.shape) {
        let value = scope.default(member.shape, default);
        return Some(Filler::Function(quote!(|| #value)));
    }
    let (owned, default_fn) = (ident(&render.names.get(id).owned), &member.default_fn);
    Some(Filler::Function(quote!(#owned::#default_fn)))
}

/// A parameter that may be unused.
fn parameter(name: &str, unused: bool) -> Ident {
    if unused {
        format_ident!("_{name}")
    } else {
        format_ident!("{name}")
    }
}
