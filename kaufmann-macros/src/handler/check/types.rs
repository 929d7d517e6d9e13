//! Inspects types: lifetimes, `impl Trait`, names.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Type, TypeImplTrait, TypeReference};

/// Replaces every lifetime with `'static`: the function's own lifetimes cannot be named outside of it.
pub(super) fn make_static(ty: &mut Type) {
    struct MakeStatic;

    impl VisitMut for MakeStatic {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }

        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            let span = reference.and_token.span();
            reference
                .lifetime
                .get_or_insert_with(|| Lifetime::new("'static", span));
            visit_mut::visit_type_reference_mut(self, reference);
        }
    }

    MakeStatic.visit_type_mut(ty);
}

/// The first `'static`.
pub(super) fn first_static(ty: &Type) -> Option<Lifetime> {
    first(ty, &|lifetime| lifetime.ident == "static").and_then(|borrow| borrow.lifetime)
}

/// The first borrow for less than `'static`.
pub(super) fn first_borrow(ty: &Type) -> Option<Borrow> {
    first(ty, &|lifetime| lifetime.ident != "static")
}

/// The first `impl Trait`.
pub(super) fn first_impl_trait(ty: &Type) -> Option<TypeImplTrait> {
    struct Find(Option<TypeImplTrait>);

    impl<'ast> Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, found: &'ast TypeImplTrait) {
            self.0.get_or_insert_with(|| found.clone());
        }
    }

    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// Whether a type is called `Vec` or `Batch`.
pub(super) fn is_several(ty: &Type) -> bool {
    is_called(ty, "Vec") || is_called(ty, "Batch")
}

/// Whether a type's path ends with this name.
pub(super) fn is_called(ty: &Type, name: &str) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == name)
}

/// A type as the user would write it, for an error.
pub(super) fn text(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string();
    text.replace(" :: ", "::")
        .replace(" < ", "<")
        .replace(" >", ">")
        .replace("& ", "&")
        .replace(" ,", ",")
}

/// A lifetime in a type, or a reference without one.
pub(super) struct Borrow {
    lifetime: Option<Lifetime>,
    span: Span,
}

impl Borrow {
    pub(super) fn span(&self) -> Span {
        self.span
    }
}

fn first(ty: &Type, wanted: &dyn Fn(&Lifetime) -> bool) -> Option<Borrow> {
    struct Find<'a> {
        wanted: &'a dyn Fn(&Lifetime) -> bool,
        found: Option<Borrow>,
    }

    impl<'ast> Visit<'ast> for Find<'_> {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            if self.found.is_none() && (self.wanted)(lifetime) {
                self.found = Some(Borrow {
                    lifetime: Some(lifetime.clone()),
                    span: lifetime.span(),
                });
            }
        }

        fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
            let elided = Lifetime::new("'_", reference.and_token.span());
            if reference.lifetime.is_none() && self.found.is_none() && (self.wanted)(&elided) {
                self.found = Some(Borrow {
                    lifetime: None,
                    span: reference.and_token.span(),
                });
            }
            visit::visit_type_reference(self, reference);
        }
    }

    let mut find = Find { wanted, found: None };
    find.visit_type(ty);
    find.found
}
