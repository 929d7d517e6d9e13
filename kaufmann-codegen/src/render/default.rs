//! Defaults as Rust expressions, so that no JSON is read at run time.

use kaufmann_avro::cursor::MAX_DEPTH;
use kaufmann_avro::model::{Definition, Logical};
use kaufmann_avro::{Cursor, Uuid};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use crate::model::{Base, Shape, UnionId};

use super::scope::{Scope, ident};

impl Scope<'_> {
    /// An expression of the default's value.
    pub(super) fn default(&self, shape: &Shape, value: &Value) -> TokenStream {
        // The parser has checked that it fits; a gap in that check must not go unnoticed.
        self.literal(shape, value, 0).unwrap_or_else(|| {
            let message = format!("the default {value} does not fit the type of its field");
            quote!(::core::compile_error!(#message))
        })
    }

    fn literal(&self, shape: &Shape, value: &Value, depth: u32) -> Option<TokenStream> {
        Some(match (shape, value) {
            (Shape::Null, Value::Null) => quote!(()),
            (Shape::Boolean, Value::Bool(value)) => quote!(#value),
            (Shape::Int, _) => int(value)?,
            (Shape::Long, _) => long(value)?,
            (Shape::Float, _) => float(value, &quote!(f32), |value| {
                // Narrowing rounds, as reading the JSON as a float would.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a float's default is read as a float"
                )]
                let value = value as f32;
                value.is_finite().then(|| Literal::f32_suffixed(value))
            })?,
            (Shape::Double, _) => float(value, &quote!(f64), |value| Some(Literal::f64_suffixed(value)))?,
            (Shape::Bytes, Value::String(text)) if self.borrowed => {
                let bytes = Literal::byte_string(&bytes(text)?);
                quote!(&#bytes[..])
            }
            (Shape::Bytes, Value::String(text)) => vec(&bytes(text)?),
            (Shape::String, Value::String(text)) if self.borrowed => quote!(#text),
            (Shape::String, Value::String(text)) if text.is_empty() => quote!(String::new()),
            (Shape::String, Value::String(text)) => quote!(String::from(#text)),
            (Shape::Array(items), Value::Array(values)) => self.array(items, values, depth)?,
            (Shape::Map(of), Value::Object(values)) => self.map(of, values, depth)?,
            (Shape::Logical(logical, base), _) => logical_literal(*logical, *base, value)?,
            (Shape::Record(_), Value::Object(_)) => self.record_literal(shape, value, depth)?,
            (Shape::Enum(id), Value::String(symbol)) => {
                let Definition::Enum { symbols, .. } = &self.types.model.get(*id).definition else {
                    return None;
                };
                let index = symbols.iter().position(|known| known.name == *symbol)?;
                let (path, variant) = (self.path(*id, false), ident(&self.names.get(*id).members[index]));
                quote!(#path::#variant)
            }
            (Shape::Fixed(id), Value::String(text)) => {
                let (path, bytes) = (self.path(*id, false), Literal::byte_string(&bytes(text)?));
                quote!(#path(*#bytes))
            }
            (Shape::Single(only), _) => self.literal(only, value, depth)?,
            (Shape::Optional { .. }, Value::Null) => quote!(None),
            (Shape::Optional { some, .. }, _) => {
                let some = self.literal(some, value, depth)?;
                quote!(Some(#some))
            }
            (Shape::Union(id), _) => self.union_literal(*id, value, depth)?,
            _ => return None,
        })
    }

    /// The first branch that the default fits.
    fn union_literal(&self, id: UnionId, value: &Value, depth: u32) -> Option<TokenStream> {
        let union = self.types.union(id);
        if value.is_null() && union.null.is_some() {
            return Some(quote!(None));
        }
        let variants = union.variants.iter().zip(&self.names.union(id).variants);
        let mut fitting = variants
            .filter_map(|(variant, name)| Some((ident(name), self.literal(&variant.shape, value, depth)?)));
        let (variant, value) = fitting.next()?;
        let path = self.union(id);
        Some(match union.null {
            Some(_) => quote!(Some(#path::#variant(#value))),
            None => quote!(#path::#variant(#value)),
        })
    }

    fn array(&self, items: &Shape, values: &[Value], depth: u32) -> Option<TokenStream> {
        if values.is_empty() {
            return Some(quote!(Vec::new()));
        }
        let values = values.iter().map(|value| self.literal(items, value, depth));
        let values = values.collect::<Option<Vec<_>>>()?;
        Some(quote!(Vec::from([#(#values),*])))
    }

    fn map(&self, of: &Shape, values: &serde_json::Map<String, Value>, depth: u32) -> Option<TokenStream> {
        let collection = if self.borrowed {
            quote!(Vec)
        } else {
            quote!(BTreeMap)
        };
        if values.is_empty() {
            return Some(quote!(#collection::new()));
        }
        let entries = values.iter().map(|(key, value)| {
            let value = self.literal(of, value, depth)?;
            Some(if self.borrowed {
                quote!((#key, #value))
            } else {
                quote!((String::from(#key), #value))
            })
        });
        let entries = entries.collect::<Option<Vec<_>>>()?;
        Some(quote!(#collection::from([#(#entries),*])))
    }

    /// A record in a default has its own fields' defaults for those that are missing.
    fn record_literal(&self, shape: &Shape, value: &Value, depth: u32) -> Option<TokenStream> {
        let (Shape::Record(id), Value::Object(values)) = (shape, value) else {
            return None;
        };
        let Definition::Record(fields) = &self.types.model.get(*id).definition else {
            return None;
        };
        // As in the parser, so that both choose the same branches of unions.
        let depth = depth + u32::from(self.types.layout.recursive(*id));
        if depth > MAX_DEPTH
            || values
                .keys()
                .any(|key| fields.iter().all(|field| field.name != *key))
        {
            return None;
        }
        // Inside the record, that record's unions and boxes count.
        let within = self.within(*id);
        let members = fields
            .iter()
            .zip(&self.types.fields[id.0])
            .zip(&self.names.get(*id).members);
        let members = members.map(|((field, shape), name)| {
            let value = values.get(&field.name).or(field.default.as_ref())?;
            let value = within.literal(shape, value, depth)?;
            let name = ident(name);
            Some(quote!(#name: #value))
        });
        let members = members.collect::<Option<Vec<_>>>()?;
        let path = self.path(*id, self.borrowed && self.types.layout.record_borrows(*id));
        let record = quote!(#path { #(#members),* });
        Some(if self.types.boxed(self.owner, *id) {
            quote!(Box::new(#record))
        } else {
            record
        })
    }
}

fn int(value: &Value) -> Option<TokenStream> {
    let value = Literal::i32_unsuffixed(i32::try_from(value.as_i64()?).ok()?);
    Some(quote!(#value))
}

fn long(value: &Value) -> Option<TokenStream> {
    let value = Literal::i64_unsuffixed(value.as_i64()?);
    Some(quote!(#value))
}

fn float(value: &Value, ty: &TokenStream, literal: impl Fn(f64) -> Option<Literal>) -> Option<TokenStream> {
    Some(match value {
        Value::Number(number) => {
            let literal = literal(number.as_f64()?)?;
            quote!(#literal)
        }
        Value::String(text) => match text.as_str() {
            "NaN" => quote!(#ty::NAN),
            "Infinity" => quote!(#ty::INFINITY),
            "-Infinity" => quote!(#ty::NEG_INFINITY),
            _ => return None,
        },
        _ => return None,
    })
}

/// Bytes are in JSON a string of the code points 0 to 255.
fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|char| u8::try_from(u32::from(char)).ok())
        .collect()
}

fn vec(bytes: &[u8]) -> TokenStream {
    if bytes.is_empty() {
        return quote!(Vec::new());
    }
    let bytes = Literal::byte_string(bytes);
    quote!(Vec::from(#bytes))
}

fn logical_literal(logical: Logical, base: Base, value: &Value) -> Option<TokenStream> {
    let ty = logical_path(logical);
    let value = match base {
        Base::Int => int(value)?,
        Base::Long => long(value)?,
        Base::String => {
            let uuid = value.as_str()?.parse::<Uuid>().ok()?.as_u128();
            let uuid: TokenStream = format!("0x{uuid:032x}").parse().ok()?;
            return Some(quote!(#ty::from_u128(#uuid)));
        }
        Base::Bytes | Base::Fixed(_) => return logical_bytes(logical, &ty, &bytes(value.as_str()?)?),
    };
    Some(quote!(#ty(#value)))
}

fn logical_bytes(logical: Logical, ty: &TokenStream, bytes: &[u8]) -> Option<TokenStream> {
    let all = Literal::byte_string(bytes);
    Some(match logical {
        // The parser has checked that the digits fit, so generated code needs no panic.
        Logical::Decimal { .. } => quote!(#ty::from_be_bytes(#all).unwrap_or_default()),
        Logical::BigDecimal => {
            let mut cursor = Cursor::new(bytes);
            let unscaled = Literal::byte_string(cursor.bytes().ok()?);
            let scale = Literal::i32_unsuffixed(cursor.int().ok()?);
            quote!(#ty::from_be_bytes(#unscaled, #scale))
        }
        Logical::Uuid => quote!(#ty::from_bytes(*#all)),
        Logical::Duration => {
            let mut cursor = Cursor::new(bytes);
            let mut part = || Some(Literal::u32_unsuffixed(u32::from_le_bytes(*cursor.fixed().ok()?)));
            let (months, days, millis) = (part()?, part()?, part()?);
            quote!(#ty { months: #months, days: #days, millis: #millis })
        }
        _ => return None,
    })
}

/// The path of a logical type in an expression.
fn logical_path(logical: Logical) -> TokenStream {
    let name = format_ident!("{}", logical.rust_name());
    match logical {
        Logical::Decimal { precision, scale } => {
            let (precision, scale) = (
                Literal::usize_unsuffixed(precision),
                Literal::usize_unsuffixed(scale),
            );
            quote!(#name::<#precision, #scale>)
        }
        _ => quote!(#name),
    }
}
