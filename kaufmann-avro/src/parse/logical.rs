//! The logical type of a type, if it fits.

use super::reader::{Json, Value};
use crate::logical::max_digits;
use crate::model::{Kind, Logical};

/// The specification sets no limit for a decimal on bytes. This one keeps the text of a number of few bytes short.
const MAX_PRECISION: usize = 10_000;

/// The logical type of a primitive.
pub(super) fn of(json: &Json, kind: &Kind) -> Option<Logical> {
    let name = json.get("logicalType")?.text()?;
    match Logical::named(name).filter(|logical| logical.is_on(kind))? {
        Logical::Decimal { .. } => decimal(json, MAX_PRECISION),
        logical => Some(logical),
    }
}

/// The logical type of a fixed.
pub(super) fn of_fixed(json: &Json, size: usize) -> Option<Logical> {
    match (json.get("logicalType")?.text()?, size) {
        ("decimal", _) => decimal(json, max_digits(size).min(MAX_PRECISION)),
        ("uuid", 16) => Some(Logical::Uuid),
        ("duration", 12) => Some(Logical::Duration),
        _ => None,
    }
}

fn decimal(json: &Json, max_precision: usize) -> Option<Logical> {
    let precision = unsigned(json.get("precision")?)?;
    let scale = match json.get("scale") {
        Some(scale) => unsigned(scale)?,
        None => 0,
    };
    let fits = precision >= 1 && scale <= precision && precision <= max_precision;
    fits.then_some(Logical::Decimal { precision, scale })
}

fn unsigned(json: &Json) -> Option<usize> {
    match &json.value {
        Value::Number(number) => number.as_u64().and_then(|value| usize::try_from(value).ok()),
        _ => None,
    }
}
