//! The scope of generated code: paths from its module, and types in their owned or borrowed form.

use kaufmann_avro::model::{Logical, TypeId};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Shape, Types, UnionId};
use crate::naming::{Names, is_keyword};

use super::words;

/// The serde functions for shapes with `Shape::has_own_json`.
pub(super) const JSON_FIELD: &str = "::kaufmann::__private::avro::json::field";

/// The code of one type, in one of its forms.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) types: &'a Types,
    pub(super) names: &'a Names,
    /// The module of the code.
    here: &'a [String],
    /// The type whose fields are rendered.
    pub(super) owner: TypeId,
    /// Whether it is the form that borrows from the input.
    pub(super) borrowed: bool,
}

/// How the code refers to a value.
pub(super) enum Place {
    /// An expression of the type.
    Value(TokenStream),
    /// An expression of a reference to the type.
    Reference(TokenStream),
}

impl Place {
    pub(super) fn value(&self) -> TokenStream {
        match self {
            Self::Value(place) => place.clone(),
            Self::Reference(place) => quote!(*#place),
        }
    }

    pub(super) fn reference(&self) -> TokenStream {
        match self {
            Self::Value(place) => quote!(&#place),
            Self::Reference(place) => place.clone(),
        }
    }

    /// For a method call, which takes references by itself.
    pub(super) fn receiver(&self) -> &TokenStream {
        let (Self::Value(place) | Self::Reference(place)) = self;
        place
    }
}

impl<'a> Scope<'a> {
    pub(super) fn new(types: &'a Types, names: &'a Names, owner: TypeId, borrowed: bool) -> Self {
        Self {
            types,
            names,
            here: &names.get(owner).module,
            owner,
            borrowed,
        }
    }

    /// The fields of another type, in code of the same module.
    pub(super) fn within(self, owner: TypeId) -> Self {
        Self { owner, ..self }
    }

    /// The type of a shape.
    pub(super) fn ty(&self, shape: &Shape) -> TokenStream {
        match shape {
            Shape::Null => quote!(()),
            Shape::Boolean => quote!(bool),
            Shape::Int => quote!(i32),
            Shape::Long => quote!(i64),
            Shape::Float => quote!(f32),
            Shape::Double => quote!(f64),
            Shape::Bytes if self.borrowed => quote!(&'a [u8]),
            Shape::Bytes => quote!(Vec<u8>),
            Shape::String if self.borrowed => quote!(&'a str),
            Shape::String => quote!(String),
            Shape::Array(items) => {
                let items = self.ty(items);
                quote!(Vec<#items>)
            }
            Shape::Map(values) => {
                let values = self.ty(values);
                if self.borrowed {
                    quote!(Vec<(&'a str, #values)>)
                } else {
                    quote!(BTreeMap<String, #values>)
                }
            }
            Shape::Logical(logical, _) => logical_type(*logical),
            Shape::Record(id) => {
                let record = self.record(*id);
                let boxed = self.types.boxed(self.owner, *id);
                if boxed { quote!(Box<#record>) } else { record }
            }
            Shape::Enum(id) | Shape::Fixed(id) => self.path(*id, false),
            Shape::Single(only) => self.ty(only),
            Shape::Optional { some, .. } => {
                let some = self.ty(some);
                quote!(Option<#some>)
            }
            Shape::Union(id) => {
                let union = self.union(*id);
                let lifetime = self.lifetime(self.borrowed && self.types.layout.union_borrows(*id));
                let union = quote!(#union #lifetime);
                match self.types.union(*id).null {
                    Some(_) => quote!(Option<#union>),
                    None => union,
                }
            }
        }
    }

    /// A record's type, with its lifetime if it borrows.
    fn record(&self, id: TypeId) -> TokenStream {
        let borrows = self.borrowed && self.types.layout.record_borrows(id);
        let (path, lifetime) = (self.path(id, borrows), self.lifetime(borrows));
        quote!(#path #lifetime)
    }

    fn lifetime(&self, borrows: bool) -> TokenStream {
        if borrows { quote!(<'a>) } else { TokenStream::new() }
    }

    /// The path to a union's enum in this form; it is in its record's module.
    pub(super) fn union(&self, id: UnionId) -> TokenStream {
        let names = self.names.union(id);
        let borrows = self.borrowed && self.types.layout.union_borrows(id);
        let name = if borrows { &names.borrowed } else { &names.owned };
        self.path_to(&self.names.get(self.types.union(id).record).module, name)
    }

    /// The path to a named type.
    pub(super) fn path(&self, id: TypeId, borrowed: bool) -> TokenStream {
        let names = self.names.get(id);
        self.path_to(
            &names.module,
            if borrowed { &names.borrowed } else { &names.owned },
        )
    }

    fn path_to(&self, module: &[String], name: &str) -> TokenStream {
        let name = ident(name);
        let common = self.here.iter().zip(module).take_while(|(a, b)| a == b).count();
        let down = module[common..].iter().map(|segment| ident(segment));
        if common == self.here.len() {
            // `self` makes it a module, not a crate of that name.
            let start = (module.len() > common).then(|| quote!(self::));
            return quote!(#start #(#down::)* #name);
        }
        let up = (common..self.here.len()).map(|_| quote!(super::));
        quote!(#(#up)* #(#down::)* #name)
    }
}

/// The path of a logical type.
pub(super) fn logical_type(logical: Logical) -> TokenStream {
    let name = format_ident!("{}", logical.rust_name());
    match logical {
        Logical::Decimal { precision, scale } => {
            let (precision, scale) = (
                Literal::usize_unsuffixed(precision),
                Literal::usize_unsuffixed(scale),
            );
            quote!(#name<#precision, #scale>)
        }
        _ => quote!(#name),
    }
}

/// An identifier of the schema: raw if it must be, or if it is one of the words of generated code, so that the printer
/// can distinguish them.
pub(super) fn ident(name: &str) -> Ident {
    if is_keyword(name) || words::find(name).is_some() {
        Ident::new_raw(name, Span::call_site())
    } else {
        Ident::new(name, Span::call_site())
    }
}
