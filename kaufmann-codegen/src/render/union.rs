//! A union that is more than an option: an enum in its owned form, and in a borrowed one if a variant borrows.

use kaufmann_avro::model::Logical;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::model::{Shape, Union, UnionId, Variant};

use super::codec::statements;
use super::scope::{JSON_FIELD, Place, Scope, ident};
use super::{Render, docs};

pub(super) fn union(render: &Render<'_>, id: UnionId) -> TokenStream {
    let union = render.types.union(id);
    let mut items = form(render, id, &render.scope(union.record, false));
    if render.types.layout.union_borrows(id) {
        items.extend(form(render, id, &render.scope(union.record, true)));
        items.extend(to_owned(render, id));
    }
    items
}

fn form(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> TokenStream {
    let union = render.types.union(id);
    let name = name(render, id, scope);
    let layout = &render.types.layout;
    let copies = layout.union_copies(id, scope.borrowed);
    let derives = render.derives(union.record, scope.borrowed, copies, layout.union_hashes(id));
    let serde = (!scope.borrowed).then(|| {
        quote! {
            #[derive(Serialize, Deserialize)]
            #[serde(crate = "::kaufmann::__private::serde")]
        }
    });
    let (generics, anonymous) = if scope.borrowed {
        (quote!(<'a>), quote!(<'_>))
    } else {
        (TokenStream::new(), TokenStream::new())
    };
    let variants = union.variants.iter().zip(&render.names.union(id).variants);
    let variants = variants.map(|(variant, name)| define(variant, name, scope));
    let doc = docs::text(&doc(render, union, scope.borrowed));
    let (encode, decode) = (encode(render, id, scope), decode(render, id, scope));
    let resolved = resolved(render, id, scope);
    let from = from(render, id, scope);
    quote! {
        #doc
        #derives
        #serde
        pub enum #name #generics {
            #(#variants,)*
        }

        impl #name #anonymous {
            #encode
        }

        impl<'a> #name #generics {
            #decode
            #resolved
        }

        #from
    }
}

fn name(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> Ident {
    let names = render.names.union(id);
    ident(if scope.borrowed {
        &names.borrowed
    } else {
        &names.owned
    })
}

fn doc(render: &Render<'_>, union: &Union, borrowed: bool) -> String {
    let record = render.types.model.get(union.record);
    let field = match &record.definition {
        kaufmann_avro::model::Definition::Record(fields) => fields[union.field].name.as_str(),
        _ => "",
    };
    let form = if borrowed { ", borrowed" } else { "" };
    format!("The union in the field `{field}` of `{}`{form}.", record.name)
}

fn define(variant: &Variant, name: &str, scope: &Scope<'_>) -> TokenStream {
    let branch = &variant.branch;
    let doc = docs::text(&format!("Branch `{branch}`."));
    let rename = (branch != name).then(|| quote!(rename = #branch));
    let with = variant.shape.has_own_json().then(|| quote!(with = #JSON_FIELD));
    let both = rename.into_iter().chain(with).collect::<Vec<_>>();
    let serde = (!scope.borrowed && !both.is_empty()).then(|| quote!(#[serde(#(#both),*)]));
    let (name, ty) = (ident(name), scope.ty(&variant.shape));
    quote!(#doc #serde #name(#ty))
}

fn encode(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> TokenStream {
    let variants = render
        .types
        .union(id)
        .variants
        .iter()
        .zip(&render.names.union(id).variants);
    let arms = variants.map(|(variant, name)| {
        let (name, index) = (ident(name), Literal::usize_unsuffixed(variant.index));
        let value = statements(&scope.encode(&variant.shape, &Place::Reference(quote!(value))));
        quote! {
            Self::#name(value) => {
                write::index(out, #index);
                #value
            }
        }
    });
    quote! {
        fn encode(&self, out: &mut Vec<u8>) {
            match self {
                #(#arms)*
            }
        }
    }
}

/// The caller has read the branch, knows that there is one of that index, and that it is not null; so the last one needs
/// no test.
fn decode(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> TokenStream {
    let arms = arms(render, id, |shape| scope.decode(shape).value());
    quote! {
        fn decode(
            branch: usize,
            cursor: &mut Cursor<'a>,
        ) -> Result<Self, DecodeError> {
            Ok(match branch {
                #(#arms,)*
            })
        }
    }
}

/// The same for a value of another schema; the branch is the reader's.
fn resolved(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> TokenStream {
    let arms = arms(render, id, |shape| scope.resolved(shape).value());
    quote! {
        fn decode_resolved(
            branch: usize,
            cursor: &mut Cursor<'a>,
            step: Step<'_>,
        ) -> Result<Self, DecodeError> {
            Ok(match branch {
                #(#arms,)*
            })
        }
    }
}

/// From a branch's index to its variant, whose value `read` reads.
fn arms(render: &Render<'_>, id: UnionId, read: impl Fn(&Shape) -> TokenStream) -> Vec<TokenStream> {
    let variants = &render.types.union(id).variants;
    let arms = variants.iter().zip(&render.names.union(id).variants).enumerate();
    let arms = arms.map(|(place, (variant, name))| {
        let (name, value) = (ident(name), read(&variant.shape));
        let index = Literal::usize_unsuffixed(variant.index);
        let pattern = if place + 1 == variants.len() {
            quote!(_)
        } else {
            quote!(#index)
        };
        quote!(#pattern => Self::#name(#value))
    });
    arms.collect()
}

/// `From` for every variant whose type no other variant has.
fn from(render: &Render<'_>, id: UnionId, scope: &Scope<'_>) -> TokenStream {
    let union = render.types.union(id);
    let name = name(render, id, scope);
    let keys = union
        .variants
        .iter()
        .map(|variant| key(&variant.shape, scope))
        .collect::<Vec<_>>();
    let impls = union
        .variants
        .iter()
        .zip(&render.names.union(id).variants)
        .zip(&keys);
    let impls = impls.filter(|(_, key)| keys.iter().filter(|other| other == key).count() == 1);
    let impls = impls.map(|((variant, variant_name), _)| {
        let (variant_name, ty) = (ident(variant_name), scope.ty(&variant.shape));
        let (generics, own) = match (scope.borrowed, render.types.layout.borrows(&variant.shape)) {
            (false, _) => (TokenStream::new(), TokenStream::new()),
            (true, false) => (TokenStream::new(), quote!(<'_>)),
            (true, true) => (quote!(<'a>), quote!(<'a>)),
        };
        quote! {
            impl #generics From<#ty> for #name #own {
                fn from(value: #ty) -> Self {
                    Self::#variant_name(value)
                }
            }
        }
    });
    quote!(#(#impls)*)
}

/// Two types with one key may be the same type.
fn key(shape: &Shape, scope: &Scope<'_>) -> String {
    match shape {
        // Whatever the text and the bytes, it is one Rust type.
        Shape::Logical(Logical::Uuid, _) => "uuid".to_owned(),
        _ => scope.ty(shape).to_string(),
    }
}

fn to_owned(render: &Render<'_>, id: UnionId) -> TokenStream {
    let union = render.types.union(id);
    let (owned, borrowed) = (
        render.scope(union.record, false),
        render.scope(union.record, true),
    );
    let (owned, name) = (owned.union(id), borrowed.union(id));
    let arms = union
        .variants
        .iter()
        .zip(&render.names.union(id).variants)
        .map(|(variant, name)| {
            let (name, value) = (
                ident(name),
                borrowed.own(&variant.shape, &Place::Reference(quote!(value))),
            );
            quote!(Self::#name(value) => #owned::#name(#value))
        });
    quote! {
        impl #name<'_> {
            /// The same value without borrowing.
            #[must_use]
            pub fn to_owned(&self) -> #owned {
                match self {
                    #(#arms,)*
                }
            }
        }

        impl From<#name<'_>> for #owned {
            fn from(value: #name<'_>) -> Self {
                value.to_owned()
            }
        }
    }
}
