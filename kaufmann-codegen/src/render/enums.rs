//! An enum.

use kaufmann_avro::model::{Symbol, TypeId};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::scope::ident;
use super::{Render, docs, resolved};

pub(super) fn enumeration(
    render: &Render<'_>,
    id: TypeId,
    symbols: &[Symbol],
    default: Option<&str>,
) -> TokenStream {
    let named = render.types.model.get(id);
    let names = render.names.get(id);
    let name = ident(&names.owned);
    let variants = names.members.iter().map(|name| ident(name)).collect::<Vec<_>>();
    let texts = symbols
        .iter()
        .map(|symbol| symbol.name.as_str())
        .collect::<Vec<_>>();
    let doc = docs::or(named.doc.as_deref(), &format!("Enum `{}`.", named.name));
    let (derives, consts) = (render.derives(id, false, true, true), render.consts(id));
    let definitions = symbols.iter().zip(&names.members).map(|(symbol, variant)| {
        let text = &symbol.name;
        let doc = docs::text(&format!("Symbol `{text}`."));
        let rename = (text != variant).then(|| quote!(#[serde(rename = #text)]));
        let variant = ident(variant);
        quote!(#doc #rename #variant)
    });
    let default = default.and_then(|default| texts.iter().position(|text| *text == default));
    let default = default.map(|index| default_impl(&name, &variants[index]));
    let codec = codec(&name, &variants);
    quote! {
        #doc
        #derives
        #[derive(Serialize, Deserialize)]
        #[serde(crate = "::kaufmann::__private::serde")]
        pub enum #name {
            #(#definitions,)*
        }

        impl #name {
            #consts

            /// The symbol as the schema writes it.
            #[must_use]
            pub const fn as_str(&self) -> &'static str {
                match self {
                    #(Self::#variants => #texts,)*
                }
            }
        }

        #default

        impl ::core::fmt::Display for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        #codec
    }
}

/// Writing and reading by the symbols' indices.
fn codec(name: &proc_macro2::Ident, variants: &[proc_macro2::Ident]) -> TokenStream {
    let symbol = |symbols: Literal| quote!(cursor.symbol(#symbols)?);
    let resolved_symbol = |symbols: Literal| quote!(step.symbol(cursor, #symbols)?);
    let decode = decode(variants, symbol);
    let resolved = resolved::implementation(&quote!(#name), &self::decode(variants, resolved_symbol));
    quote! {
        impl Encode for #name {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                write::index(out, *self as usize);
            }
        }

        impl<'a> Decode<'a> for #name {
            #[inline]
            fn decode(
                cursor: &mut Cursor<'a>,
            ) -> Result<Self, DecodeError> {
                #decode
            }
        }

        #resolved
    }
}

fn default_impl(name: &proc_macro2::Ident, variant: &proc_macro2::Ident) -> TokenStream {
    quote! {
        /// The symbol that the schema takes for one it does not know.
        impl Default for #name {
            fn default() -> Self {
                Self::#variant
            }
        }
    }
}

/// `symbol` returns only a known index, so the last one needs no test.
fn decode(variants: &[proc_macro2::Ident], symbol: impl Fn(Literal) -> TokenStream) -> TokenStream {
    let symbol = symbol(Literal::usize_unsuffixed(variants.len()));
    let Some((last, others)) = variants.split_last() else {
        return TokenStream::new();
    };
    if others.is_empty() {
        return quote! {
            #symbol;
            Ok(Self::#last)
        };
    }
    let indices = (0..others.len()).map(Literal::usize_unsuffixed);
    quote! {
        Ok(match #symbol {
            #(#indices => Self::#others,)*
            _ => Self::#last,
        })
    }
}
