//! Checks a list by its tokens.

use syn::Attribute;

use super::parse::List;
use crate::errors::Errors;

/// Reports the mistakes in a list.
pub(super) fn list(list: &List, errors: &mut Errors) {
    if errors.is_empty() {
        missing(list, errors);
    }
    if let (Some((key, _)), None) = (&list.ignore, &list.exhaustive) {
        errors.on(
            key,
            "`ignore` lists the exceptions of `exhaustive`; add `exhaustive: events`, or remove it",
        );
    }
    let of_handlers = list.handlers.iter().flatten().flat_map(|entry| &entry.attributes);
    let of_ignored = list
        .ignore
        .iter()
        .flat_map(|(_, ignored)| ignored)
        .flat_map(|entry| &entry.attributes);
    for attribute in of_handlers
        .chain(of_ignored)
        .filter(|attribute| !is_cfg(attribute))
    {
        errors.on(
            attribute,
            "only `#[cfg(…)]` and doc comments are allowed before an element of the list",
        );
    }
}

/// Called only without other errors: a key that could not be read is not missing.
fn missing(list: &List, errors: &mut Errors) {
    let name = &list.name;
    if list.state.is_none() {
        errors.on(
            name,
            format!("service `{name}` has no `state`; write `state: ()` if it needs none"),
        );
    }
    if list.handlers.is_none() {
        errors.on(
            name,
            format!("service `{name}` has no `handlers`; list the functions that have `#[handler]`"),
        );
    }
}

fn is_cfg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}
