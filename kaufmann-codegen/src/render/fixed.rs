//! A fixed: a newtype of an array, or another name for its logical type.

use kaufmann_avro::model::TypeId;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::scope::{JSON_FIELD, ident, logical_type};
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
    let size = Literal::usize_unsuffixed(size);
    quote! {
        #doc
        #derives
        #[derive(Serialize, Deserialize)]
        #[serde(crate = "::kaufmann::__private::serde")]
        pub struct #name(
            /// The bytes.
            #[serde(with = #JSON_FIELD)]
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
    }
}
