//! Reading and writing a shape, field by field, with nothing in between.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::model::{Base, Shape};

use super::scope::{Place, Scope};

/// How many records a list reserves at once.
pub(super) const MAX_RESERVED: usize = 1024;

impl Scope<'_> {
    /// An expression that reads a value from `cursor`.
    pub(super) fn decode(&self, shape: &Shape) -> TokenStream {
        match shape {
            Shape::Null => quote!(()),
            Shape::Boolean => quote!(cursor.boolean()?),
            Shape::Int => quote!(cursor.int()?),
            Shape::Long => quote!(cursor.long()?),
            Shape::Float => quote!(cursor.float()?),
            Shape::Double => quote!(cursor.double()?),
            Shape::Bytes if self.borrowed => quote!(cursor.bytes()?),
            Shape::Bytes => quote!(::std::vec::Vec::from(cursor.bytes()?)),
            Shape::String if self.borrowed => quote!(cursor.string()?),
            Shape::String => quote!(::std::string::String::from(cursor.string()?)),
            Shape::Array(items) => self.decode_array(items),
            Shape::Map(values) => self.decode_map(values),
            Shape::Logical(_, base) => decode_logical(*base),
            Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => {
                quote!(::kaufmann::__private::avro::Decode::decode(cursor)?)
            }
            Shape::Single(only) => {
                let only = self.decode(only);
                quote!({ cursor.branch(1)?; #only })
            }
            Shape::Optional { null, some } => {
                let (null, some) = (Literal::usize_unsuffixed(*null), self.decode(some));
                quote! {
                    match cursor.branch(2)? {
                        #null => ::core::option::Option::None,
                        _ => ::core::option::Option::Some(#some),
                    }
                }
            }
            Shape::Union(id) => {
                let (name, union) = (self.union(*id), self.types.union(*id));
                let branches = Literal::usize_unsuffixed(union.branches);
                match union.null.map(Literal::usize_unsuffixed) {
                    None => quote!(#name::decode(cursor.branch(#branches)?, cursor)?),
                    Some(null) => quote! {
                        match cursor.branch(#branches)? {
                            #null => ::core::option::Option::None,
                            branch => ::core::option::Option::Some(#name::decode(branch, cursor)?),
                        }
                    },
                }
            }
        }
    }

    /// `block` answers only with as many items as the rest of the input can hold, so that they may be reserved.
    fn decode_array(&self, items: &Shape) -> TokenStream {
        let min_len = Literal::usize_unsuffixed(self.types.layout.min_len(items).unwrap_or(1));
        let item = self.decode(items);
        let reserve = reserve(&quote!(items), items);
        quote! {{
            let mut items = ::std::vec::Vec::new();
            loop {
                let count = cursor.block(#min_len)?;
                if count == 0 {
                    break items;
                }
                #reserve
                for _ in 0..count {
                    items.push(#item);
                }
            }
        }}
    }

    /// In the owned form the last of equal keys wins; the borrowed one keeps all entries in their order.
    fn decode_map(&self, values: &Shape) -> TokenStream {
        let min_len = Literal::usize_unsuffixed(self.types.layout.min_len(values).unwrap_or(1) + 1);
        let value = self.decode(values);
        let (new, reserve, insert) = if self.borrowed {
            (
                quote!(::std::vec::Vec::new()),
                reserve(&quote!(entries), values),
                quote!(entries.push((cursor.string()?, #value));),
            )
        } else {
            let insert = quote! {
                let key = ::std::string::String::from(cursor.string()?);
                let value = #value;
                entries.insert(key, value);
            };
            (
                quote!(::std::collections::BTreeMap::new()),
                TokenStream::new(),
                insert,
            )
        };
        quote! {{
            let mut entries = #new;
            loop {
                let count = cursor.block(#min_len)?;
                if count == 0 {
                    break entries;
                }
                #reserve
                for _ in 0..count {
                    #insert
                }
            }
        }}
    }

    /// Statements that append the value at `place` to `out`.
    pub(super) fn encode(&self, shape: &Shape, place: &Place) -> TokenStream {
        let primitive = |name: TokenStream, value: TokenStream| quote!(::kaufmann::__private::avro::encode::#name(out, #value););
        match shape {
            Shape::Null => TokenStream::new(),
            Shape::Boolean => primitive(quote!(boolean), place.value()),
            Shape::Int => primitive(quote!(int), place.value()),
            Shape::Long => primitive(quote!(long), place.value()),
            Shape::Float => primitive(quote!(float), place.value()),
            Shape::Double => primitive(quote!(double), place.value()),
            Shape::Bytes if self.borrowed => primitive(quote!(bytes), place.value()),
            Shape::Bytes => primitive(quote!(bytes), place.reference()),
            Shape::String if self.borrowed => primitive(quote!(string), place.value()),
            Shape::String => primitive(quote!(string), place.reference()),
            Shape::Array(items) => {
                let item = self.encode(items, &Place::Reference(quote!(item)));
                let pattern = if item.is_empty() { quote!(_) } else { quote!(item) };
                encode_blocks(place, &pattern, &item)
            }
            Shape::Map(values) => {
                let key = Place::Reference(quote!(key));
                let key = self.encode(&Shape::String, &key);
                let value = self.encode(values, &Place::Reference(quote!(value)));
                let pattern = if value.is_empty() {
                    quote!((key, _))
                } else {
                    quote!((key, value))
                };
                encode_blocks(place, &pattern, &quote!(#key #value))
            }
            Shape::Logical(_, base) => encode_logical(*base, place),
            Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => {
                let value = place.reference();
                quote!(::kaufmann::__private::avro::Encode::encode(#value, out);)
            }
            Shape::Single(only) => {
                let only = self.encode(only, place);
                quote!(::kaufmann::__private::avro::encode::index(out, 0); #only)
            }
            Shape::Optional { null, some } => {
                let index = Literal::usize_unsuffixed(1 - null);
                let some = self.encode(some, &Place::Reference(quote!(value)));
                let some = quote!(::kaufmann::__private::avro::encode::index(out, #index); #some);
                encode_option(place, *null, &some)
            }
            Shape::Union(id) => match self.types.union(*id).null {
                Some(null) => encode_option(place, null, &quote!(value.encode(out);)),
                None => {
                    let value = place.receiver();
                    quote!(#value.encode(out);)
                }
            },
        }
    }
}

/// An item may take far more memory than input if it is a record or an enum; then only the first ones are reserved, so
/// that a promise of items that do not come costs little.
fn reserve(list: &TokenStream, items: &Shape) -> TokenStream {
    if takes_memory(items) {
        let most = Literal::usize_unsuffixed(MAX_RESERVED);
        quote!(#list.reserve(::core::cmp::min(count, #most));)
    } else {
        quote!(#list.reserve(count);)
    }
}

/// Whether an item may take far more memory than input.
pub(super) fn takes_memory(items: &Shape) -> bool {
    let large = match items {
        Shape::Optional { some, .. } | Shape::Single(some) => some,
        other => other,
    };
    matches!(large, Shape::Record(_) | Shape::Union(_) | Shape::Fixed(_))
}

fn encode_option(place: &Place, null: usize, some: &TokenStream) -> TokenStream {
    let (value, null) = (place.reference(), Literal::usize_unsuffixed(null));
    quote! {
        match #value {
            ::core::option::Option::None => ::kaufmann::__private::avro::encode::index(out, #null),
            ::core::option::Option::Some(value) => { #some }
        }
    }
}

/// All items in one block, and the empty block that ends them.
fn encode_blocks(place: &Place, pattern: &TokenStream, item: &TokenStream) -> TokenStream {
    let (receiver, all) = (place.receiver(), place.reference());
    quote! {
        if !#receiver.is_empty() {
            ::kaufmann::__private::avro::encode::block(out, #receiver.len());
            for #pattern in #all {
                #item
            }
        }
        ::kaufmann::__private::avro::encode::block(out, 0);
    }
}

fn decode_logical(base: Base) -> TokenStream {
    match base {
        Base::Fixed(size) => {
            let size = Literal::usize_unsuffixed(size);
            quote!(::kaufmann::__private::avro::logical::OnFixed::<#size>::decode_fixed(cursor)?)
        }
        _ => quote!(::kaufmann::__private::avro::Decode::decode(cursor)?),
    }
}

fn encode_logical(base: Base, place: &Place) -> TokenStream {
    let value = place.reference();
    match base {
        Base::Fixed(size) => {
            let size = Literal::usize_unsuffixed(size);
            quote!(::kaufmann::__private::avro::logical::OnFixed::<#size>::encode_fixed(#value, out);)
        }
        _ => quote!(::kaufmann::__private::avro::Encode::encode(#value, out);),
    }
}
