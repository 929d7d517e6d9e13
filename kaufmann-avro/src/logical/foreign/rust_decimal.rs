//! `rust_decimal`: 96 bits and a scale of at most 28.

use ::rust_decimal::Decimal as RustDecimal;

use super::ConversionError;
use super::digits::{Digits, by_value};
use crate::logical::{BigDecimal, Decimal, Unscaled};

const TARGET: &str = "`rust_decimal::Decimal`";
/// Those of the greatest number of 96 bits.
const DIGITS: usize = 29;

impl<const PRECISION: usize, const SCALE: usize> TryFrom<&Decimal<PRECISION, SCALE>> for RustDecimal {
    type Error = ConversionError;

    fn try_from(value: &Decimal<PRECISION, SCALE>) -> Result<Self, ConversionError> {
        convert(&value.unscaled, i64::try_from(SCALE).unwrap_or(i64::MAX))
    }
}

by_value!([const PRECISION: usize, const SCALE: usize] Decimal<PRECISION, SCALE> => TryFrom RustDecimal);

impl TryFrom<&BigDecimal> for RustDecimal {
    type Error = ConversionError;

    fn try_from(value: &BigDecimal) -> Result<Self, ConversionError> {
        convert(&value.unscaled, value.scale.into())
    }
}

by_value!([] BigDecimal => TryFrom RustDecimal);

impl<const PRECISION: usize, const SCALE: usize> TryFrom<RustDecimal> for Decimal<PRECISION, SCALE> {
    type Error = ConversionError;

    fn try_from(value: RustDecimal) -> Result<Self, ConversionError> {
        Digits::new(&Unscaled::Small(value.mantissa()), value.scale().into()).try_into()
    }
}

impl From<RustDecimal> for BigDecimal {
    fn from(value: RustDecimal) -> Self {
        Self::new(value.mantissa(), value.scale().cast_signed())
    }
}

/// With its own scale if that fits, else without the zeros at its end.
fn convert(unscaled: &Unscaled, scale: i64) -> Result<RustDecimal, ConversionError> {
    let with = |unscaled: &Unscaled, scale: i64| match unscaled {
        Unscaled::Small(number) => {
            RustDecimal::try_from_i128_with_scale(*number, u32::try_from(scale).ok()?).ok()
        }
        Unscaled::Large(_) => None,
    };
    if let Some(converted) = with(unscaled, scale) {
        return Ok(converted);
    }
    let digits = Digits::new(unscaled, scale);
    let scale = digits.scale.clamp(0, RustDecimal::MAX_SCALE.into());
    let unscaled = digits.at(usize::try_from(scale).unwrap_or_default(), DIGITS, TARGET)?;
    with(&unscaled, scale).ok_or(ConversionError::OutOfRange { target: TARGET })
}
