//! From the borrowed form to the owned one.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Shape;

use super::scope::{Place, Scope};

impl Scope<'_> {
    /// An expression of the owned value of what is borrowed at `place`.
    pub(super) fn own(&self, shape: &Shape, place: &Place) -> TokenStream {
        if !self.types.layout.borrows(shape) {
            return if self.types.layout.copies(shape, false) {
                place.value()
            } else {
                let value = place.reference();
                quote!(Clone::clone(#value))
            };
        }
        let (value, receiver) = (place.value(), place.receiver());
        let inner = || Place::Reference(quote!(value));
        match shape {
            Shape::String => quote!(String::from(#value)),
            Shape::Bytes => quote!(Vec::from(#value)),
            Shape::Array(items) => {
                let item = self.own(items, &inner());
                quote!(#receiver.iter().map(|value| #item).collect())
            }
            Shape::Map(values) => {
                let item = self.own(values, &inner());
                quote!(#receiver.iter().map(|(key, value)| (String::from(*key), #item)).collect())
            }
            Shape::Optional { some, .. } => {
                let some = self.own(some, &inner());
                quote!(#receiver.as_ref().map(|value| #some))
            }
            Shape::Single(only) => self.own(only, place),
            Shape::Record(id) => {
                let (path, value) = (self.path(*id, true), place.reference());
                let owned = quote!(#path::to_owned(#value));
                if self.types.boxed(self.owner, *id) {
                    quote!(Box::new(#owned))
                } else {
                    owned
                }
            }
            Shape::Union(id) => {
                let (union, value) = (self.union(*id), place.reference());
                match self.types.union(*id).null {
                    Some(_) => quote!(#receiver.as_ref().map(|value| #union::to_owned(value))),
                    None => quote!(#union::to_owned(#value)),
                }
            }
            // The others borrow nothing.
            _ => quote!(Clone::clone(#receiver)),
        }
    }
}
