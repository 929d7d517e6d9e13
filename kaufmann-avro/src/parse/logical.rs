//! Which logical type stands beside a type, if it fits.

use super::reader::{Json, Value};
use crate::model::{Kind, Logical};

/// The logical type of a primitive.
pub(super) fn of(json: &Json, kind: &Kind) -> Option<Logical> {
    let name = json.get("logicalType")?.text()?;
    Some(match (name, kind) {
        ("decimal", Kind::Bytes) => decimal(json, usize::MAX)?,
        ("big-decimal", Kind::Bytes) => Logical::BigDecimal,
        ("uuid", Kind::String) => Logical::Uuid,
        ("date", Kind::Int) => Logical::Date,
        ("time-millis", Kind::Int) => Logical::TimeMillis,
        ("time-micros", Kind::Long) => Logical::TimeMicros,
        ("timestamp-millis", Kind::Long) => Logical::TimestampMillis,
        ("timestamp-micros", Kind::Long) => Logical::TimestampMicros,
        ("timestamp-nanos", Kind::Long) => Logical::TimestampNanos,
        ("local-timestamp-millis", Kind::Long) => Logical::LocalTimestampMillis,
        ("local-timestamp-micros", Kind::Long) => Logical::LocalTimestampMicros,
        ("local-timestamp-nanos", Kind::Long) => Logical::LocalTimestampNanos,
        _ => return None,
    })
}

/// The logical type of a fixed.
pub(super) fn of_fixed(json: &Json, size: usize) -> Option<Logical> {
    match (json.get("logicalType")?.text()?, size) {
        ("decimal", _) => decimal(json, digits(size)),
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

/// How many decimal digits always fit in a signed integer of this many bytes.
fn digits(size: usize) -> usize {
    // The greatest is 2^(8 size - 1) - 1, which is never a power of ten less one, so that rounding down is exact.
    let bits = size.saturating_mul(8).saturating_sub(1);
    (bits as f64 * std::f64::consts::LOG10_2).floor() as usize
}

fn unsigned(json: &Json) -> Option<usize> {
    match &json.value {
        Value::Number(number) => number.as_u64().and_then(|value| usize::try_from(value).ok()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn a_fixed_holds_as_many_digits_as_its_greatest_number_less_one() {
        let known = [
            (0, 0),
            (1, 2),
            (2, 4),
            (3, 6),
            (4, 9),
            (5, 11),
            (8, 18),
            (12, 28),
            (16, 38),
            (32, 76),
        ];
        for (size, expected) in known {
            assert_eq!(digits(size), expected, "{size} bytes");
        }
    }
}
