//! Parses the attributes that give a class.

use std::time::Duration;

use syn::{Attribute, LitStr, Meta};

use crate::arguments;
use crate::errors::Errors;

/// What happens to the record.
#[derive(Clone, Copy)]
pub(super) enum Class {
    Retry,
    RetryAfter(Duration),
    DeadLetter,
    Skip,
    Fatal,
}

/// The class of an attribute: `None` if it is another attribute, `Some(None)` if it is one with an error.
pub(super) fn class(attribute: &Attribute, errors: &mut Errors) -> Option<Option<Class>> {
    let name = attribute.path().get_ident()?.to_string();
    let class = match name.as_str() {
        "retry" => Class::Retry,
        "dead_letter" => Class::DeadLetter,
        "skip" => Class::Skip,
        "fatal" => Class::Fatal,
        "retry_after" => return Some(retry_after(attribute, errors)),
        "deadletter" | "dead" => return Some(misspelt(attribute, &name, "#[dead_letter]", errors)),
        "retries" => return Some(misspelt(attribute, &name, "#[retry]", errors)),
        "retry_in" | "retryafter" => {
            return Some(misspelt(attribute, &name, "#[retry_after(\"30s\")]", errors));
        }
        "drop" => return Some(misspelt(attribute, &name, "#[skip]", errors)),
        "stop" | "panic" => return Some(misspelt(attribute, &name, "#[fatal]", errors)),
        _ => return None,
    };
    if !matches!(attribute.meta, Meta::Path(_)) {
        errors.on(&attribute.meta, format!("`#[{name}]` takes no argument"));
    }
    Some(Some(class))
}

/// Reports an attribute that was probably meant as a class.
fn misspelt(attribute: &Attribute, name: &str, meant: &str, errors: &mut Errors) -> Option<Class> {
    errors.on(
        attribute.path(),
        format!("unknown class `#[{name}]`, did you mean `{meant}`?"),
    );
    None
}

fn retry_after(attribute: &Attribute, errors: &mut Errors) -> Option<Class> {
    const EXAMPLE: &str = "for example `#[retry_after(\"30s\")]`";
    let Ok(text) = attribute.parse_args::<LitStr>() else {
        errors.on(
            &attribute.meta,
            format!("expected a duration as a string literal, {EXAMPLE}"),
        );
        return None;
    };
    arguments::duration(&text, EXAMPLE, errors).map(Class::RetryAfter)
}
