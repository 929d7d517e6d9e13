//! The second argument: `&Context<S>`, or a reference to an alias whose name ends in `Context`.

use proc_macro2::Ident;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use super::types;
use crate::errors::Errors;
use crate::handler::model::Context;

/// Whether a type looks like the context, by value or by reference.
pub(super) fn is_context(ty: &Type) -> bool {
    let ty = match ty {
        Type::Reference(reference) => &reference.elem,
        ty => ty,
    };
    last_segment(ty).is_some_and(|segment| segment.ident.to_string().ends_with("Context"))
}

/// Reads the state's type from the argument.
pub(super) fn check(name: &Ident, ty: &Type, errors: &mut Errors) -> Option<Context> {
    let reference = match ty {
        Type::Reference(reference) if is_context(ty) => reference,
        _ if is_context(ty) => {
            let shared = types::text(ty);
            errors.on(
                ty,
                format!("handler `{name}` takes its context by reference: `&{shared}`"),
            );
            return None;
        }
        _ => {
            errors.on(
                ty,
                format!("the second argument of handler `{name}` must be its context, `&Context<State>`"),
            );
            return None;
        }
    };
    if reference.mutability.is_some() {
        let shared = types::text(&reference.elem);
        errors.on(
            ty,
            format!("handler `{name}` shares its context with others; take `&{shared}`"),
        );
        return None;
    }
    let mut context = (*reference.elem).clone();
    types::make_static(&mut context);
    Some(match state(&context) {
        Some(state) => Context::Of(state),
        None => Context::Alias(context),
    })
}

/// The `S` of `Context<S>`.
fn state(context: &Type) -> Option<Type> {
    let segment = last_segment(context).filter(|segment| segment.ident == "Context")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.iter().collect::<Vec<_>>()[..] {
        [GenericArgument::Type(state)] => Some(state.clone()),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}
