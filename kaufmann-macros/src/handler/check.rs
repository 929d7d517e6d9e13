//! Checks a handler by its tokens. Trait bounds in the expansion check types, and constant evaluation checks the names of events.

mod context;
pub(super) mod names;
mod types;

use proc_macro2::Ident;
use syn::{FnArg, GenericParam, LitStr, PatType, ReturnType, Safety, Signature, Type};

use super::model::{Context, Handler, Payload};
use super::parse::{Arguments, Function};
use crate::errors::Errors;

/// Reports the mistakes in a handler; `None` if it has some.
pub(super) fn handler(function: &mut Function, arguments: Arguments, errors: &mut Errors) -> Option<Handler> {
    second_attribute(function, errors);
    if names::is_associated(&function.signature) {
        let name = &function.signature.ident;
        errors.on(
            name,
            format!("handler `{name}` is an associated function, because its signature has `Self`; make it a free function"),
        );
        return None;
    }
    names::module_of_payload(&function.signature, errors);
    let declares = declares(&arguments, &function.signature.ident, errors);
    let takes = takes(&arguments, &function.signature.ident, errors);
    qualifiers(&function.signature, errors);
    generics(&function.signature, errors);
    let inputs = inputs(&function.signature, errors);
    let returns = returns(&function.signature, errors);

    let (event, context) = inputs?;
    let payload = payload(&function.signature.ident, event, declares?, takes, errors)?;
    Some(Handler {
        payload,
        context,
        returns: returns?,
        emits: arguments.emits,
        limits: arguments.limits,
    })
}

/// Removes a second `#[handler]`, so that it does not expand to a second twin.
fn second_attribute(function: &mut Function, errors: &mut Errors) {
    let name = &function.signature.ident;
    function.attributes.retain(|attribute| {
        let second = attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == "handler");
        if second {
            errors.on(
                attribute,
                format!("handler `{name}` has a second `#[handler]`; a function handles one event"),
            );
        }
        !second
    });
}

/// `Some(None)` is a catch-all.
fn declares(arguments: &Arguments, name: &Ident, errors: &mut Errors) -> Option<Option<LitStr>> {
    match (&arguments.event, &arguments.catch_all) {
        (Some(event), None) => Some(Some(event.clone())),
        (None, Some(_)) => Some(None),
        (Some(_), Some(catch_all)) => {
            errors.on(
                catch_all,
                format!("handler `{name}` takes either one `event` or, with `catch_all`, any; remove one of the two"),
            );
            None
        }
        (None, None) => {
            if errors.is_empty() {
                errors.at(
                    proc_macro2::Span::call_site(),
                    "missing the event to handle, for example `#[handler(event = \"user.create\")]`",
                );
            }
            None
        }
    }
}

/// The form in which a handler takes its event.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    One,
    Batch,
    Tombstone,
}

/// Whether it takes one event, several at once, or tombstones.
fn takes(arguments: &Arguments, name: &Ident, errors: &mut Errors) -> Takes {
    let is_batch = is_batch(arguments, name, errors);
    let Some(tombstone) = &arguments.tombstone else {
        return if is_batch { Takes::Batch } else { Takes::One };
    };
    if let (None, Some(_)) = (&arguments.event, &arguments.catch_all) {
        errors.on(
            tombstone,
            format!(
                "handler `{name}` is a catch-all, which takes tombstones too, as records without a payload; remove `tombstone`"
            ),
        );
    } else if is_batch {
        errors.on(
            tombstone,
            format!("handler `{name}` takes batches, but tombstones come one at a time; remove `batch` or `tombstone`"),
        );
    }
    Takes::Tombstone
}

/// Whether it takes several events at once.
fn is_batch(arguments: &Arguments, name: &Ident, errors: &mut Errors) -> bool {
    let limits = &arguments.limits;
    if let (Some((linger, _)), None) = (&limits.linger, &limits.batch) {
        errors.on(
            linger,
            format!("`linger` is how long a batch waits for more events, but handler `{name}` takes no batches; add `batch = 100`"),
        );
    }
    if let (Some((batch, _)), Some(_)) = (&limits.batch, &arguments.catch_all) {
        errors.on(
            batch,
            format!("handler `{name}` is a catch-all, which takes one record at a time; remove `batch`"),
        );
    }
    limits.batch.is_some() || limits.linger.is_some()
}

fn qualifiers(signature: &Signature, errors: &mut Errors) {
    let name = &signature.ident;
    if signature.asyncness.is_none() {
        errors.on(
            signature.fn_token,
            format!("handler `{name}` must be an `async fn`"),
        );
    }
    match &signature.safety {
        Safety::Default => {}
        safety => errors.on(safety, format!("handler `{name}` must be a plain, safe function")),
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, format!("handler `{name}` must not have an ABI of its own"));
    }
}

/// Reports the first type parameter or `impl Trait`.
fn generics(signature: &Signature, errors: &mut Errors) {
    let rule = format!(
        "handler `{}` must not be generic; a handler has one payload and one state type",
        signature.ident
    );
    let parameter = signature
        .generics
        .params
        .iter()
        .find(|p| !matches!(p, GenericParam::Lifetime(_)));
    if let Some(parameter) = parameter {
        return errors.on(parameter, rule);
    }
    let arguments = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(&*argument.ty),
        FnArg::Receiver(_) => None,
    });
    if let Some(open) = arguments.filter_map(types::first_impl_trait).next() {
        errors.on(open, rule);
    }
}

fn inputs<'a>(signature: &'a Signature, errors: &mut Errors) -> Option<(&'a PatType, Context)> {
    let name = &signature.ident;
    if let Some(receiver) = signature.receiver() {
        let rule = "must not take `self`; make it a free function and read shared state from `cx.state`";
        errors.on(receiver, format!("handler `{name}` {rule}"));
        return None;
    }
    let arguments: Vec<&PatType> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        })
        .collect();
    match arguments[..] {
        [event] if context::is_context(&event.ty) => {
            errors.on(
                &event.ty,
                format!("handler `{name}` takes no event{}", shape(name)),
            );
            None
        }
        [event] => Some((event, Context::None)),
        [first, second] if context::is_context(&first.ty) && !context::is_context(&second.ty) => {
            errors.on(
                first,
                format!("the context of handler `{name}` comes second{}", shape(name)),
            );
            None
        }
        [event, context] => Some((event, context::check(name, &context.ty, errors)?)),
        _ => {
            let count = match arguments.len() {
                0 => "no argument".to_owned(),
                count => format!("{count} arguments"),
            };
            let message = format!(
                "handler `{name}` takes {count}, but a handler takes one or two{}",
                shape(name)
            );
            errors.at(signature.paren_token.span.join(), message);
            None
        }
    }
}

fn shape(name: &Ident) -> String {
    format!(
        "\na handler has the signature\n    async fn {name}(event: Payload, cx: &Context<State>) -> Result<(), E>\nwhere `cx` is optional"
    )
}

fn payload(
    name: &Ident,
    event: &PatType,
    declared: Option<LitStr>,
    takes: Takes,
    errors: &mut Errors,
) -> Option<Payload> {
    let is_batch = takes == Takes::Batch;
    let mut ty = (*event.ty).clone();
    if let Some(lifetime) = types::first_static(&ty) {
        let rule = "borrows from the record, which does not live for `'static`; write `'_`";
        errors.on(lifetime, format!("the payload of handler `{name}` {rule}"));
        return None;
    }
    if takes != Takes::Tombstone && declared.is_some() && types::is_called(&ty, "Tombstone") {
        let rule = "takes a tombstone; declare it: `#[handler(event = \"…\", tombstone)]`";
        errors.on(&ty, format!("handler `{name}` {rule}"));
        return None;
    }
    match (declared, &ty) {
        (Some(_), Type::Reference(reference)) => {
            errors.on(&ty, by_reference(name, &types::text(&reference.elem), takes));
            None
        }
        (Some(declared), _) if takes == Takes::Tombstone => {
            types::make_static(&mut ty);
            Some(Payload::Tombstone { declared, ty })
        }
        (Some(_), _) if !is_batch && types::is_several(&ty) => {
            let rule = "takes several events at once; set the upper bound, for example `batch = 100`";
            errors.on(&ty, format!("handler `{name}` {rule}"));
            None
        }
        (Some(declared), _) if is_batch => {
            types::make_static(&mut ty);
            Some(Payload::Batch { declared, ty })
        }
        (Some(declared), _) => {
            types::make_static(&mut ty);
            Some(Payload::Event { declared, ty })
        }
        (None, _) => {
            types::make_static(&mut ty);
            Some(Payload::AnyRecord { ty })
        }
    }
}

/// The error for a payload `&owned`.
fn by_reference(name: &Ident, owned: &str, takes: Takes) -> String {
    let (what, remedy) = match takes {
        Takes::Tombstone => ("tombstone", format!("`{owned}`")),
        Takes::Batch => ("batch", "`Vec<Event>` or `Batch<Event>`".to_owned()),
        Takes::One => (
            "event",
            format!("`{owned}`, or borrowed from the record, `{owned}Ref<'_>`"),
        ),
    };
    format!("handler `{name}` takes its {what} by reference; take it by value, {remedy}")
}

fn returns(signature: &Signature, errors: &mut Errors) -> Option<Type> {
    let name = &signature.ident;
    match &signature.output {
        ReturnType::Default => {
            let message = format!("handler `{name}` returns nothing; expected `-> Result<(), E>`");
            errors.at(signature.paren_token.span.close(), message);
            None
        }
        ReturnType::Type(_, ty) => {
            if let Some(open) = types::first_impl_trait(ty) {
                errors.on(open, format!("handler `{name}` must name the type it returns"));
                return None;
            }
            if let Some(lifetime) = types::first_borrow(ty) {
                errors.at(
                    lifetime.span(),
                    format!(
                        "handler `{name}` must not return a borrowed value; its result outlives the record"
                    ),
                );
                return None;
            }
            Some((**ty).clone())
        }
    }
}
