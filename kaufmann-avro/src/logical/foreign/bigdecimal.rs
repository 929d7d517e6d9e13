//! `bigdecimal`: any number of digits, and a scale of 64 bits.

use ::bigdecimal::BigDecimal as AnyDecimal;
use ::bigdecimal::num_bigint::BigInt;

use super::ConversionError;
use super::digits::{Digits, by_value};
use crate::logical::{BigDecimal, Decimal, Unscaled};

impl<const PRECISION: usize, const SCALE: usize> From<&Decimal<PRECISION, SCALE>> for AnyDecimal {
    fn from(value: &Decimal<PRECISION, SCALE>) -> Self {
        Self::new(big(&value.unscaled), SCALE as i64)
    }
}

by_value!([const PRECISION: usize, const SCALE: usize] Decimal<PRECISION, SCALE> => From AnyDecimal);

impl From<&BigDecimal> for AnyDecimal {
    fn from(value: &BigDecimal) -> Self {
        Self::new(big(&value.unscaled), value.scale.into())
    }
}

by_value!([] BigDecimal => From AnyDecimal);

impl<const PRECISION: usize, const SCALE: usize> TryFrom<&AnyDecimal> for Decimal<PRECISION, SCALE> {
    type Error = ConversionError;

    fn try_from(value: &AnyDecimal) -> Result<Self, ConversionError> {
        let (number, scale) = value.as_bigint_and_scale();
        Digits::new(&Unscaled::from_be_bytes(&number.to_signed_bytes_be()), scale).try_into()
    }
}

by_value!([const PRECISION: usize, const SCALE: usize] AnyDecimal => TryFrom Decimal<PRECISION, SCALE>);

impl TryFrom<&AnyDecimal> for BigDecimal {
    type Error = ConversionError;

    fn try_from(value: &AnyDecimal) -> Result<Self, ConversionError> {
        let (number, scale) = value.as_bigint_and_scale();
        let target = "`BigDecimal`";
        let scale = i32::try_from(scale).map_err(|_| ConversionError::OutOfRange { target })?;
        Ok(Self::from_be_bytes(&number.to_signed_bytes_be(), scale))
    }
}

by_value!([] AnyDecimal => TryFrom BigDecimal);

fn big(unscaled: &Unscaled) -> BigInt {
    unscaled.with_be_bytes(BigInt::from_signed_bytes_be)
}
