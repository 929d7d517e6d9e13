//! Reading records of another schema: by a plan, field by field into slots, without an intermediate value.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Base, Shape};

use super::codec::Read;
use super::scope::{Scope, logical_type};

impl Scope<'_> {
    /// An expression that reads a value from `cursor` that is written as `step` describes.
    pub(super) fn resolved(&self, shape: &Shape) -> Read {
        Read::Try(match shape {
            Shape::Long => quote!(step.long(cursor)),
            Shape::Float => quote!(step.float(cursor)),
            Shape::Double => quote!(step.double(cursor)),
            Shape::Logical(logical, Base::Long) => {
                let logical = logical_type(*logical);
                quote!(step.long(cursor).map(#logical))
            }
            Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => quote!(step.follow(cursor)),
            Shape::Array(items) => {
                let (min_len, item) = (self.min_len(items, 0), self.resolved(items).result());
                quote!(step.array(cursor, #min_len, |cursor, step| #item))
            }
            Shape::Map(values) => {
                let (min_len, value) = (self.min_len(values, 1), self.resolved(values).result());
                quote!(step.map(cursor, #min_len, |cursor, step| #value))
            }
            Shape::Single(only) => {
                let only = self.resolved(only).value();
                return Read::Value(quote!({
                    let (_, step) = step.union(cursor, 1)?;
                    #only
                }));
            }
            Shape::Optional { null, some } => {
                let (null, some) = (Literal::usize_unsuffixed(*null), self.resolved(some).result());
                quote!(step.option(cursor, #null, |cursor, step| #some))
            }
            Shape::Union(id) => {
                let (name, union) = (self.union(*id), self.types.union(*id));
                let branches = Literal::usize_unsuffixed(union.branches);
                let read = quote!(#name::decode_resolved(branch, cursor, step)?);
                let null = union.null.map(Literal::usize_unsuffixed);
                let arms = match null {
                    None => quote!((branch, step) => #read),
                    Some(null) => quote!((#null, _) => None, (branch, step) => Some(#read)),
                };
                return Read::Value(quote!(match step.union(cursor, #branches)? { #arms }));
            }
            Shape::Logical(_, Base::Fixed(size)) => {
                let size = Literal::usize_unsuffixed(*size);
                return Read::Value(quote!({
                    step.enter_same(cursor)?;
                    OnFixed::<#size>::decode_fixed(cursor)?
                }));
            }
            // Nothing else is ever converted: the bytes of strings and of bytes are the same.
            Shape::Null | Shape::Boolean | Shape::Int | Shape::Bytes | Shape::String | Shape::Logical(..) => {
                quote!(step.read(cursor))
            }
        })
    }
}

/// A field of a record, for its reader.
pub(super) struct Slot<'a> {
    pub(super) name: &'a Ident,
    pub(super) shape: &'a Shape,
    /// Its default, if it has one.
    pub(super) default: Option<Filler>,
}

/// The value of a field that the writer does not have.
pub(super) enum Filler {
    /// `None`, of an option.
    Null,
    /// The result of the function of this path.
    Function(TokenStream),
    /// A value.
    Value(TokenStream),
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
    let declare = (0..slots.len()).map(local);
    let fill = fill(slots, scope);
    let values = slots.iter().enumerate().map(|(index, slot)| {
        let (local, name) = (local(index), slot.name);
        match &slot.default {
            None => quote!(#name: fields.filled(#local, cursor)?),
            Some(Filler::Null) => quote!(#name: #local.flatten()),
            Some(Filler::Function(path)) => quote!(#name: #local.unwrap_or_else(#path)),
            Some(Filler::Value(value)) => quote!(#name: #local.unwrap_or(#value)),
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
            let Some(mut fields) = step.record(cursor, #count)? else {
                return Decode::decode(cursor);
            };
            #descend
            #(let mut #declare = None;)*
            #fill
            #ascend
            Ok(Self { #(#values,)* })
        },
    )
}

/// Reads the writer's fields into the slots. The last slot needs no test: the plan is for a record with that many fields.
fn fill(slots: &[Slot<'_>], scope: &Scope<'_>) -> TokenStream {
    let arms = slots.iter().enumerate().map(|(index, slot)| {
        let (local, value) = (format_ident!("slot_{index}"), scope.resolved(slot.shape).value());
        (index, quote!(#local = Some(#value)))
    });
    let mut arms = arms.collect::<Vec<_>>();
    let Some((_, last)) = arms.pop() else {
        return quote!(while fields.next(cursor)?.is_some() {});
    };
    if arms.is_empty() {
        return quote! {
            while let Some((_, step)) = fields.next(cursor)? {
                #last;
            }
        };
    }
    let arms = arms.into_iter().map(|(index, arm)| {
        let index = Literal::usize_unsuffixed(index);
        quote!(#index => #arm)
    });
    quote! {
        while let Some((slot, step)) = fields.next(cursor)? {
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
        impl<'a> DecodeResolved<'a> for #name {
            fn decode_resolved(
                cursor: &mut Cursor<'a>,
                step: Step<'_>,
            ) -> Result<Self, DecodeError> {
                #body
            }
        }
    }
}
