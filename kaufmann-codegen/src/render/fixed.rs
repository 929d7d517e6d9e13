//! A fixed: a newtype of an array, or another name for its logical type.

use kaufmann_avro::model::TypeId;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::scope::{ident, logical_type};
use super::{Render, docs, resolved};

pub(super) fn fixed(render: &Render<'_>, id: TypeId, size: usize) -> TokenStream {
    let named = render.types.model.get(id);
    let name = ident(&render.names.get(id).owned);
    let doc = docs::or(named.doc.as_deref(), &format!("Fixed `{}`.", named.name));
    if let Some(logical) = named.logical {
        let logical = logical_type(logical);
        return quote! { #doc pub type #name = #logical; };
    }
    let (derives, consts) = (render.derives(id, false, true, true), render.consts(id));
    let resolved = resolved::implementation(
        &quote!(#name),
        &quote! {
            step.enter_same(cursor)?;
            Decode::decode(cursor)
        },
    );
    let expected = format!("{size} bytes");
    let size = Literal::usize_unsuffixed(size);
    quote! {
        #doc
        #derives
        pub struct #name(
            /// The bytes.
            pub [u8; #size],
        );

        impl #name {
            #consts
        }

        impl Encode for #name {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                write::fixed(out, &self.0);
            }
        }

        impl<'a> Decode<'a> for #name {
            #[inline]
            fn decode(
                cursor: &mut Cursor<'a>,
            ) -> Result<Self, DecodeError> {
                Ok(Self(*cursor.fixed()?))
            }
        }

        #resolved

        impl Serialize for #name {
            fn serialize<S: ::kaufmann::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for #name {
            fn deserialize<D: ::kaufmann::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let bytes: Vec<u8> =
                    Deserialize::deserialize(deserializer)?;
                match ::core::convert::TryFrom::try_from(bytes.as_slice()) {
                    Ok(bytes) => Ok(Self(bytes)),
                    Err(_) => Err(
                        ::kaufmann::__private::serde::de::Error::invalid_length(bytes.len(), &#expected),
                    ),
                }
            }
        }
    }
}
