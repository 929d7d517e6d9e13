//! The attributes that name a class.

use std::time::Duration;

use syn::{Attribute, LitStr, Meta};

use crate::errors::Errors;

/// What becomes of a record.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Retry,
    RetryAfter(Duration),
    DeadLetter,
    Skip,
    Fatal,
}

/// The attribute of a class: its name and, if it can be read, the class. Attributes of others are `None`.
pub(super) fn class(attribute: &Attribute, errors: &mut Errors) -> Option<Option<Class>> {
    let name = attribute.path().get_ident()?.to_string();
    let class = match name.as_str() {
        "retry" => Class::Retry,
        "dead_letter" => Class::DeadLetter,
        "skip" => Class::Skip,
        "fatal" => Class::Fatal,
        "retry_after" => return Some(retry_after(attribute, errors)),
        _ => return None,
    };
    if !matches!(attribute.meta, Meta::Path(_)) {
        errors.on(&attribute.meta, format!("`#[{name}]` takes no argument"));
    }
    Some(Some(class))
}

fn retry_after(attribute: &Attribute, errors: &mut Errors) -> Option<Class> {
    const EXAMPLE: &str = "for example `#[retry_after(\"30s\")]`";
    let Ok(text) = attribute.parse_args::<LitStr>() else {
        errors.on(
            &attribute.meta,
            format!("expected a time as a string literal, {EXAMPLE}"),
        );
        return None;
    };
    match humantime::parse_duration(&text.value()) {
        Ok(after) => Some(Class::RetryAfter(after)),
        Err(error) => {
            errors.on(
                &text,
                format!(
                    "`{}` is not a time: {error}; expected one with a unit, {EXAMPLE}",
                    text.value()
                ),
            );
            None
        }
    }
}
