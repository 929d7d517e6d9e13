//! A decimal number at another scale.

use super::ConversionError;
use crate::logical::{Decimal, Unscaled};

/// A number without the zeros at its end, which need not fit another type: `digits` × 10⁻ˢᶜᵃˡᵉ.
pub(super) struct Digits {
    negative: bool,
    digits: String,
    /// Saturated, where it is beyond all types anyway.
    pub(super) scale: i64,
}

impl Digits {
    pub(super) fn new(unscaled: &Unscaled, scale: i64) -> Self {
        let all = unscaled.digits();
        let digits = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
        Self {
            negative: unscaled.is_negative(),
            digits: digits.to_owned(),
            scale: scale.saturating_sub(zeros),
        }
    }

    /// The number without its point at this scale, where it may have so many digits. What is appended to it is bounded by
    /// them, whatever its scale says.
    pub(super) fn at(
        &self,
        scale: usize,
        most: usize,
        target: &'static str,
    ) -> Result<Unscaled, ConversionError> {
        if self.digits.is_empty() {
            return Ok(Unscaled::Small(0));
        }
        let scale = i64::try_from(scale).unwrap_or(i64::MAX);
        let zeros = scale.saturating_sub(self.scale);
        let Ok(zeros) = usize::try_from(zeros) else {
            return Err(ConversionError::Inexact { target });
        };
        let free = most.checked_sub(self.digits.len()).filter(|free| zeros <= *free);
        let all = free.map(|_| format!("{}{}", self.digits, "0".repeat(zeros)));
        all.and_then(|all| Unscaled::from_digits(self.negative, &all))
            .ok_or(ConversionError::OutOfRange { target })
    }
}

impl<const PRECISION: usize, const SCALE: usize> TryFrom<Digits> for Decimal<PRECISION, SCALE> {
    type Error = ConversionError;

    fn try_from(value: Digits) -> Result<Self, ConversionError> {
        let target = "the `Decimal` of this precision and scale";
        let unscaled = value.at(SCALE, PRECISION, target)?;
        Self::of(unscaled).ok_or(ConversionError::OutOfRange { target })
    }
}

/// The same from a value as from a reference to it.
macro_rules! by_value {
    ([$($generics:tt)*] $own:ty => TryFrom $foreign:ty) => {
        impl<$($generics)*> TryFrom<$own> for $foreign {
            type Error = ConversionError;

            fn try_from(value: $own) -> Result<Self, ConversionError> {
                (&value).try_into()
            }
        }
    };
    ([$($generics:tt)*] $own:ty => From $foreign:ty) => {
        impl<$($generics)*> From<$own> for $foreign {
            fn from(value: $own) -> Self {
                (&value).into()
            }
        }
    };
}
pub(super) use by_value;
