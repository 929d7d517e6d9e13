//! Reading what another schema wrote: as a plan says, field by field into slots, with nothing in between.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Base, Shape};

use super::codec::{MAX_RESERVED, takes_memory};
use super::scope::{Scope, logical_type};

impl Scope<'_> {
    /// An expression that reads a value from `cursor` that is written as `step` says.
    pub(super) fn resolved(&self, shape: &Shape) -> TokenStream {
        match shape {
            Shape::Long => quote!(step.long(cursor)?),
            Shape::Float => quote!(step.float(cursor)?),
            Shape::Double => quote!(step.double(cursor)?),
            Shape::Logical(logical, Base::Long) => {
                let logical = logical_type(*logical);
                quote!(#logical(step.long(cursor)?))
            }
            Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => {
                quote!(::kaufmann::__private::avro::resolve::DecodeResolved::decode_resolved(cursor, step)?)
            }
            Shape::Array(items) => self.resolved_array(items),
            Shape::Map(values) => self.resolved_map(values),
            Shape::Single(only) => {
                let only = self.resolved(only);
                quote!({
                    let (_, step) = step.union(cursor, 1)?;
                    #only
                })
            }
            Shape::Optional { null, some } => {
                let (null, some) = (Literal::usize_unsuffixed(*null), self.resolved(some));
                quote! {
                    match step.union(cursor, 2)? {
                        (#null, _) => ::core::option::Option::None,
                        (_, step) => ::core::option::Option::Some(#some),
                    }
                }
            }
            Shape::Union(id) => {
                let (name, union) = (self.union(*id), self.types.union(*id));
                let branches = Literal::usize_unsuffixed(union.branches);
                match union.null.map(Literal::usize_unsuffixed) {
                    None => quote! {
                        match step.union(cursor, #branches)? {
                            (branch, step) => #name::decode_resolved(branch, cursor, step)?,
                        }
                    },
                    Some(null) => quote! {
                        match step.union(cursor, #branches)? {
                            (#null, _) => ::core::option::Option::None,
                            (branch, step) => {
                                ::core::option::Option::Some(#name::decode_resolved(branch, cursor, step)?)
                            }
                        }
                    },
                }
            }
            // Nothing else is ever converted: the bytes of strings and of bytes are the same.
            Shape::Null | Shape::Boolean | Shape::Int | Shape::Bytes | Shape::String | Shape::Logical(..) => {
                let value = self.decode(shape);
                quote!({
                    step.enter_same(cursor)?;
                    #value
                })
            }
        }
    }

    fn resolved_array(&self, items: &Shape) -> TokenStream {
        let min_len = Literal::usize_unsuffixed(self.types.layout.min_len(items).unwrap_or(1));
        let most = if takes_memory(items) {
            let most = Literal::usize_unsuffixed(MAX_RESERVED);
            quote!(#most)
        } else {
            quote!(::core::primitive::usize::MAX)
        };
        let item = self.resolved(items);
        quote! {
            step.array(cursor, (#min_len, #most), |cursor, step| ::core::result::Result::Ok(#item))?
        }
    }

    fn resolved_map(&self, values: &Shape) -> TokenStream {
        let min_len = Literal::usize_unsuffixed(self.types.layout.min_len(values).unwrap_or(1) + 1);
        let value = self.resolved(values);
        let (new, insert) = if self.borrowed {
            (
                quote!(::std::vec::Vec::new()),
                quote!(entries.push((key, value));),
            )
        } else {
            (
                quote!(::std::collections::BTreeMap::new()),
                quote!(entries.insert(::std::string::String::from(key), value);),
            )
        };
        quote!({
            let mut entries = #new;
            step.map(cursor, #min_len, |cursor, key, step| {
                let value = #value;
                #insert
                ::core::result::Result::Ok(())
            })?;
            entries
        })
    }
}

/// A field of a record, for its reader.
pub(super) struct Slot<'a> {
    pub(super) name: &'a Ident,
    pub(super) shape: &'a Shape,
    /// An expression of its default, if it has one.
    pub(super) default: Option<TokenStream>,
}

/// The implementation for a record. A plan fills each slot at most once, and all of those that have no default.
pub(super) fn record(
    name: &TokenStream,
    slots: &[Slot<'_>],
    scope: &Scope<'_>,
    recursive: bool,
) -> TokenStream {
    let count = Literal::usize_unsuffixed(slots.len());
    let local = |index: usize| format_ident!("slot_{index}");
    let declare = slots.iter().enumerate().map(|(index, slot)| {
        let (local, ty) = (local(index), scope.ty(slot.shape));
        quote!(let mut #local: ::core::option::Option<#ty> = ::core::option::Option::None;)
    });
    let fill = fill(slots, scope);
    let values = slots.iter().enumerate().map(|(index, slot)| {
        let (local, name) = (local(index), slot.name);
        match &slot.default {
            None => quote!(#name: fields.filled(#local, cursor)?),
            Some(default) => quote! {
                #name: match #local {
                    ::core::option::Option::Some(value) => value,
                    ::core::option::Option::None => #default,
                }
            },
        }
    });
    let (descend, ascend) = if recursive {
        (quote!(cursor.descend()?;), quote!(cursor.ascend();))
    } else {
        (TokenStream::new(), TokenStream::new())
    };
    implementation(
        name,
        &quote! {
            let ::core::option::Option::Some(mut fields) = step.record(cursor, #count)? else {
                return ::kaufmann::__private::avro::Decode::decode(cursor);
            };
            #descend
            #(#declare)*
            #fill
            #ascend
            ::core::result::Result::Ok(Self { #(#values,)* })
        },
    )
}

/// Reads the writer's fields into the slots. The last slot needs no test: the plan is for a record of as many.
fn fill(slots: &[Slot<'_>], scope: &Scope<'_>) -> TokenStream {
    let arms = slots.iter().enumerate().map(|(index, slot)| {
        let (local, value) = (format_ident!("slot_{index}"), scope.resolved(slot.shape));
        (index, quote!(#local = ::core::option::Option::Some(#value)))
    });
    let mut arms = arms.collect::<Vec<_>>();
    let Some((_, last)) = arms.pop() else {
        return quote!(while fields.next(cursor)?.is_some() {});
    };
    if arms.is_empty() {
        return quote! {
            while let ::core::option::Option::Some((_, step)) = fields.next(cursor)? {
                #last;
            }
        };
    }
    let arms = arms.into_iter().map(|(index, arm)| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => #arm)
    });
    quote! {
        while let ::core::option::Option::Some((slot, step)) = fields.next(cursor)? {
            match slot {
                #(#arms,)*
                _ => #last,
            }
        }
    }
}

/// `name` with its lifetime, if it has one.
pub(super) fn implementation(name: &TokenStream, body: &TokenStream) -> TokenStream {
    quote! {
        impl<'a> ::kaufmann::__private::avro::resolve::DecodeResolved<'a> for #name {
            fn decode_resolved(
                cursor: &mut ::kaufmann::__private::avro::Cursor<'a>,
                step: ::kaufmann::__private::avro::resolve::Step<'_>,
            ) -> ::core::result::Result<Self, ::kaufmann::__private::avro::DecodeError> {
                #body
            }
        }
    }
}
