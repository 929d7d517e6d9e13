//! Checks that each variant has exactly one class.

use proc_macro2::Ident;
use syn::{Attribute, Data, DeriveInput, Fields, Variant};

use super::parse::{self, Class};
use crate::errors::Errors;

const CLASSES: &str = "`#[retry]`, `#[retry_after(\"30s\")]`, `#[dead_letter]`, `#[skip]` or `#[fatal]`";

/// The classes of an error type.
pub(super) enum Classes {
    /// A struct has one.
    One(Class),
    /// An enum has one for each variant.
    Each(Vec<(Ident, Class)>),
}

/// Reads the classes of a type.
pub(super) fn classes(input: &DeriveInput, errors: &mut Errors) -> Option<Classes> {
    match &input.data {
        Data::Struct(_) => one("error", &input.ident, &input.attrs, errors).map(Classes::One),
        Data::Enum(data) => {
            refuse_on_enum(&input.attrs, errors);
            let variants = data.variants.iter().map(|variant| of_variant(variant, errors));
            Some(Classes::Each(
                variants.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?,
            ))
        }
        Data::Union(data) => {
            errors.on(
                data.union_token,
                "`HandlerError` can be derived for an enum or a struct, not for a union",
            );
            None
        }
    }
}

fn of_variant(variant: &Variant, errors: &mut Errors) -> Option<(Ident, Class)> {
    refuse_on_fields(&variant.fields, errors);
    Some((
        variant.ident.clone(),
        one("variant", &variant.ident, &variant.attrs, errors)?,
    ))
}

fn one(what: &str, name: &Ident, attributes: &[Attribute], errors: &mut Errors) -> Option<Class> {
    let mut first: Option<Option<Class>> = None;
    for attribute in attributes {
        let Some(class) = parse::class(attribute, errors) else {
            continue;
        };
        if first.is_some() {
            errors.on(
                attribute,
                format!("{what} `{name}` has a second class; keep one of them"),
            );
            return None;
        }
        first = Some(class);
    }
    if first.is_none() {
        errors.on(name, format!("{what} `{name}` has no class; add {CLASSES}"));
    }
    first.flatten()
}

fn refuse_on_enum(attributes: &[Attribute], errors: &mut Errors) {
    let mut ignored = Errors::default();
    for attribute in attributes {
        if parse::class(attribute, &mut ignored).is_some() {
            errors.on(
                attribute,
                "a class goes on each variant of an enum, not on the enum",
            );
        }
    }
}

fn refuse_on_fields(fields: &Fields, errors: &mut Errors) {
    let mut ignored = Errors::default();
    for attribute in fields.iter().flat_map(|field| &field.attrs) {
        if parse::class(attribute, &mut ignored).is_some() {
            errors.on(attribute, "a class goes on the variant, not on a field");
        }
    }
}
