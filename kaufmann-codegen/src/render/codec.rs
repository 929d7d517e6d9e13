//! Reading and writing a shape, field by field, without an intermediate value.

use proc_macro2::{Literal, TokenStream, TokenTree};
use quote::quote;

use crate::model::{Base, Shape};

use super::scope::{Place, Scope};

/// An expression that takes a value.
pub(super) enum Read {
    /// Of the value's type; it may return from the function around it with an error.
    Value(TokenStream),
    /// Of a `Result`.
    Try(TokenStream),
}

/// Expressions of the type `()` as statements; those with a block of their own need no semicolon.
pub(super) fn statements(expressions: &[TokenStream]) -> TokenStream {
    let statements = expressions.iter().map(|expression| {
        let first = expression.clone().into_iter().next();
        let block = first
            .is_some_and(|first| matches!(&first, TokenTree::Ident(word) if word == "if" || word == "match"));
        if block {
            quote!(#expression)
        } else {
            quote!(#expression;)
        }
    });
    statements.collect()
}

impl Read {
    pub(super) fn value(self) -> TokenStream {
        match self {
            Self::Value(value) => value,
            Self::Try(result) => quote!(#result?),
        }
    }

    pub(super) fn result(self) -> TokenStream {
        match self {
            Self::Value(value) => quote!(Ok(#value)),
            Self::Try(result) => result,
        }
    }
}

impl Scope<'_> {
    /// An expression that reads a value from `cursor`.
    pub(super) fn decode(&self, shape: &Shape) -> Read {
        Read::Try(match shape {
            Shape::Null => return Read::Value(quote!(())),
            Shape::Boolean => quote!(cursor.boolean()),
            Shape::Int => quote!(cursor.int()),
            Shape::Long => quote!(cursor.long()),
            Shape::Float => quote!(cursor.float()),
            Shape::Double => quote!(cursor.double()),
            Shape::Bytes if self.borrowed => quote!(cursor.bytes()),
            Shape::Bytes => return Read::Value(quote!(Vec::from(cursor.bytes()?))),
            Shape::String if self.borrowed => quote!(cursor.string()),
            Shape::String => return Read::Value(quote!(String::from(cursor.string()?))),
            Shape::Array(items) => {
                let (min_len, item) = (self.min_len(items, 0), self.decode_item(items));
                quote!(cursor.array(#min_len, #item))
            }
            Shape::Map(values) => {
                let (min_len, value) = (self.min_len(values, 1), self.decode_item(values));
                quote!(cursor.map(#min_len, #value))
            }
            Shape::Logical(_, Base::Fixed(size)) => {
                let size = Literal::usize_unsuffixed(*size);
                quote!(OnFixed::<#size>::decode_fixed(cursor))
            }
            Shape::Logical(..) | Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => {
                quote!(Decode::decode(cursor))
            }
            Shape::Single(only) => {
                let only = self.decode(only).value();
                return Read::Value(quote!({ cursor.branch(1)?; #only }));
            }
            Shape::Optional { null, some } => {
                let (null, some) = (Literal::usize_unsuffixed(*null), self.decode(some).value());
                return Read::Value(quote! {
                    match cursor.branch(2)? { #null => None, _ => Some(#some) }
                });
            }
            Shape::Union(id) => {
                let (name, union) = (self.union(*id), self.types.union(*id));
                let branches = Literal::usize_unsuffixed(union.branches);
                match union.null.map(Literal::usize_unsuffixed) {
                    None => quote!(#name::decode(cursor.branch(#branches)?, cursor)),
                    Some(null) => {
                        return Read::Value(quote! {
                            match cursor.branch(#branches)? {
                                #null => None,
                                branch => Some(#name::decode(branch, cursor)?),
                            }
                        });
                    }
                }
            }
        })
    }

    /// A closure that reads an item or a value.
    fn decode_item(&self, shape: &Shape) -> TokenStream {
        let item = self.decode(shape).result();
        let cursor = if *shape == Shape::Null {
            quote!(_)
        } else {
            quote!(cursor)
        };
        quote!(|#cursor| #item)
    }

    /// The fewest bytes of a value with a key of `key` bytes. An item of a type that has no finite value takes one, so that
    /// a list of them is as long as its input at most.
    pub(super) fn min_len(&self, shape: &Shape, key: usize) -> Literal {
        Literal::usize_unsuffixed(self.types.layout.min_len(shape).unwrap_or(1) + key)
    }

    /// Expressions of the type `()` that append the value at `place` to `out`.
    pub(super) fn encode(&self, shape: &Shape, place: &Place) -> Vec<TokenStream> {
        let primitive = |name: TokenStream, value: TokenStream| quote!(write::#name(out, #value));
        let write = match shape {
            Shape::Null => return Vec::new(),
            Shape::Boolean => primitive(quote!(boolean), place.value()),
            Shape::Int => primitive(quote!(int), place.value()),
            Shape::Long => primitive(quote!(long), place.value()),
            Shape::Float => primitive(quote!(float), place.value()),
            Shape::Double => primitive(quote!(double), place.value()),
            Shape::Bytes if self.borrowed => primitive(quote!(bytes), place.value()),
            Shape::Bytes => primitive(quote!(bytes), place.reference()),
            Shape::String if self.borrowed => primitive(quote!(string), place.value()),
            Shape::String => primitive(quote!(string), place.reference()),
            Shape::Array(items) => self.encode_all(&quote!(array), items, place),
            Shape::Map(values) if self.borrowed => self.encode_all(&quote!(entries), values, place),
            Shape::Map(values) => self.encode_all(&quote!(map), values, place),
            Shape::Logical(_, Base::Fixed(size)) => {
                let (value, size) = (place.reference(), Literal::usize_unsuffixed(*size));
                quote!(OnFixed::<#size>::encode_fixed(#value, out))
            }
            Shape::Logical(..) | Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => {
                let value = place.reference();
                quote!(Encode::encode(#value, out))
            }
            Shape::Single(only) => {
                let mut writes = vec![quote!(write::index(out, 0))];
                writes.extend(self.encode(only, place));
                return writes;
            }
            Shape::Optional { null, some } => self.encode_option(*null, some, place),
            Shape::Union(id) => match self.types.union(*id).null.map(Literal::usize_unsuffixed) {
                Some(null) => {
                    let value = place.reference();
                    quote!(match #value { None => write::index(out, #null), Some(value) => value.encode(out) })
                }
                None => {
                    let value = place.receiver();
                    quote!(#value.encode(out))
                }
            },
        };
        vec![write]
    }

    fn encode_option(&self, null: usize, some: &Shape, place: &Place) -> TokenStream {
        let (option, null) = (place.reference(), Literal::usize_unsuffixed(null));
        let some = statements(&self.encode(some, &Place::Reference(quote!(value))));
        quote! {
            if let Some(value) = write::option(out, #null, #option) {
                #some
            }
        }
    }

    /// A call of the function of that name, with a closure that writes an item or a value.
    fn encode_all(&self, function: &TokenStream, inner: &Shape, place: &Place) -> TokenStream {
        let all = place.reference();
        let writes = self.encode(inner, &Place::Reference(quote!(value)));
        match writes.as_slice() {
            [] => quote!(write::#function(out, #all, |_, _| ())),
            // The branch's index is all there is to write.
            [write] if matches!(inner, Shape::Single(only) if **only == Shape::Null) => {
                quote!(write::#function(out, #all, |out, _| #write))
            }
            [write] => quote!(write::#function(out, #all, |out, value| #write)),
            writes => {
                let writes = statements(writes);
                quote!(write::#function(out, #all, |out, value| { #writes }))
            }
        }
    }
}
