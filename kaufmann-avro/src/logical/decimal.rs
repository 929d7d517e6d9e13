//! Decimals of a fixed and of any scale.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::{InvalidText, OnFixed, Unscaled, serde_as_text};
use crate::codec::{Decode, Encode};
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};
use crate::encode;

const EXPECTED_DECIMAL: InvalidText = InvalidText {
    expected: "a decimal like -12.34 that fits the precision and scale",
};
const EXPECTED_BIG_DECIMAL: InvalidText = InvalidText {
    expected: "a decimal like -12.34 or 1.2E+34",
};

/// An exact decimal number of at most `PRECISION` digits, `SCALE` of them after the point.
///
/// Up to 128 bits (38 digits) it holds no allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Decimal<const PRECISION: usize, const SCALE: usize> {
    pub(super) unscaled: Unscaled,
}

impl<const PRECISION: usize, const SCALE: usize> Decimal<PRECISION, SCALE> {
    /// The decimal `unscaled` × 10⁻ˢᶜᵃˡᵉ, or nothing if that has more digits than the precision.
    ///
    /// ```
    /// use kaufmann_avro::logical::Decimal;
    ///
    /// assert_eq!(Decimal::<4, 2>::new(1234).unwrap().to_string(), "12.34");
    /// assert_eq!(Decimal::<4, 2>::new(12345), None);
    /// ```
    #[must_use]
    pub fn new(unscaled: i128) -> Option<Self> {
        Self::of(Unscaled::Small(unscaled))
    }

    /// The decimal of these big-endian two's-complement bytes, or nothing if it has more digits than the precision.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8]) -> Option<Self> {
        Self::of(Unscaled::from_be_bytes(bytes))
    }

    /// The number without its point, if it fits in 128 bits.
    #[must_use]
    pub fn unscaled_i128(&self) -> Option<i128> {
        match self.unscaled {
            Unscaled::Small(number) => Some(number),
            Unscaled::Large(_) => None,
        }
    }

    /// The number without its point: big-endian two's-complement, as few bytes as possible.
    #[must_use]
    pub fn to_be_bytes(&self) -> Vec<u8> {
        self.unscaled.with_be_bytes(<[u8]>::to_vec)
    }

    pub(super) fn of(unscaled: Unscaled) -> Option<Self> {
        unscaled.has_at_most(PRECISION).then_some(Self { unscaled })
    }
}

impl<const PRECISION: usize, const SCALE: usize> fmt::Display for Decimal<PRECISION, SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.unscaled, SCALE))
    }
}

impl<const PRECISION: usize, const SCALE: usize> FromStr for Decimal<PRECISION, SCALE> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        parse_scaled(text, PRECISION, SCALE)
            .map(|unscaled| Self { unscaled })
            .ok_or(EXPECTED_DECIMAL)
    }
}

impl<const PRECISION: usize, const SCALE: usize> Encode for Decimal<PRECISION, SCALE> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.unscaled.with_be_bytes(|bytes| encode::bytes(out, bytes));
    }
}

impl<const PRECISION: usize, const SCALE: usize> Decode<'_> for Decimal<PRECISION, SCALE> {
    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let offset = cursor.position();
        let bytes = cursor.bytes()?;
        Self::from_be_bytes(bytes).ok_or_else(|| DecodeError::new(DecodeErrorKind::Decimal, offset))
    }
}

impl<const PRECISION: usize, const SCALE: usize, const N: usize> OnFixed<N> for Decimal<PRECISION, SCALE> {
    fn to_fixed(&self) -> [u8; N] {
        // The schema's parser lets a fixed be a decimal only if all digits of the precision fit in it.
        const {
            assert!(
                max_digits(N) >= PRECISION,
                "the fixed is too short for the decimal's precision"
            );
        }
        let mut bytes = [0; N];
        let filled = self.unscaled.fill_be_bytes(&mut bytes);
        debug_assert!(filled.is_some());
        bytes
    }

    fn from_fixed(bytes: &[u8; N]) -> Result<Self, DecodeErrorKind> {
        Self::from_be_bytes(bytes).ok_or(DecodeErrorKind::Decimal)
    }
}

serde_as_text!([const PRECISION: usize, const SCALE: usize] Decimal<PRECISION, SCALE>);

/// How many decimal digits always fit in a signed integer of this many bytes.
pub(crate) const fn max_digits(bytes: usize) -> usize {
    // The binary digits of the greatest one, times the decimal logarithm of 2. No power of ten is a power of two, so
    // that rounding down is exact; 15 digits of the logarithm serve any size that fits in memory.
    let bits = if bytes == 0 { 0 } else { bytes as u128 * 8 - 1 };
    (bits * 301_029_995_663_981 / 1_000_000_000_000_000) as usize
}

/// An exact decimal number of any size that carries its scale.
///
/// Equality is that of number and scale (`1.0` is not `1.00`), the order is that of the numbers first.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct BigDecimal {
    pub(super) unscaled: Unscaled,
    pub(super) scale: i32,
}

impl BigDecimal {
    /// The decimal `unscaled` × 10⁻ˢᶜᵃˡᵉ.
    #[must_use]
    pub fn new(unscaled: i128, scale: i32) -> Self {
        Self {
            unscaled: Unscaled::Small(unscaled),
            scale,
        }
    }

    /// The decimal of these big-endian two's-complement bytes × 10⁻ˢᶜᵃˡᵉ.
    #[must_use]
    pub fn from_be_bytes(unscaled: &[u8], scale: i32) -> Self {
        Self {
            unscaled: Unscaled::from_be_bytes(unscaled),
            scale,
        }
    }

    /// How many digits are after the point; if negative, how many zeros are before it.
    #[must_use]
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// The number without its point, if it fits in 128 bits.
    #[must_use]
    pub fn unscaled_i128(&self) -> Option<i128> {
        match self.unscaled {
            Unscaled::Small(number) => Some(number),
            Unscaled::Large(_) => None,
        }
    }

    /// The number without its point: big-endian two's-complement, as few bytes as possible.
    #[must_use]
    pub fn to_be_bytes(&self) -> Vec<u8> {
        self.unscaled.with_be_bytes(<[u8]>::to_vec)
    }

    /// The content of the bytes: the number's bytes and the scale, as Avro writes them.
    pub(crate) fn from_content(content: &[u8]) -> Result<Self, DecodeErrorKind> {
        let mut cursor = Cursor::new(content);
        let parts = cursor.bytes().and_then(|unscaled| Ok((unscaled, cursor.int()?)));
        match parts {
            Ok((unscaled, scale)) if cursor.remaining() == 0 => Ok(Self::from_be_bytes(unscaled, scale)),
            _ => Err(DecodeErrorKind::BigDecimal),
        }
    }

    /// The position of the first digit before the point.
    fn magnitude(&self, digits: usize) -> i64 {
        digits as i64 - i64::from(self.scale)
    }
}

impl fmt::Display for BigDecimal {
    /// Without an exponent for usual scales, else with one, so that the text is never much longer than the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.digits();
        let exponent = self.magnitude(digits.len()) - 1;
        match usize::try_from(self.scale) {
            Ok(scale) if exponent >= -6 => f.write_str(&plain(&self.unscaled, scale)),
            _ => {
                f.write_str(if self.unscaled.is_negative() { "-" } else { "" })?;
                let (first, rest) = digits.split_at(1);
                let point = if rest.is_empty() { "" } else { "." };
                write!(f, "{first}{point}{rest}E{exponent:+}")
            }
        }
    }
}

impl FromStr for BigDecimal {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i64>().map_err(|_| EXPECTED_BIG_DECIMAL)?),
            None => (text, 0),
        };
        let (negative, whole, fraction) = split(number).ok_or(EXPECTED_BIG_DECIMAL)?;
        let scale = i64::try_from(fraction.len())
            .ok()
            .and_then(|scale| scale.checked_sub(exponent));
        let scale = scale
            .and_then(|scale| i32::try_from(scale).ok())
            .ok_or(EXPECTED_BIG_DECIMAL)?;
        let unscaled =
            Unscaled::from_digits(negative, &format!("{whole}{fraction}")).ok_or(EXPECTED_BIG_DECIMAL)?;
        Ok(Self { unscaled, scale })
    }
}

impl Ord for BigDecimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| {
            if number.unscaled.is_zero() {
                0
            } else if number.unscaled.is_negative() {
                -1
            } else {
                1
            }
        };
        let by_sign = sign(self).cmp(&sign(other));
        let by_number = || {
            if sign(self) == 0 {
                return Ordering::Equal;
            }
            let magnitudes = [self, other].map(|number| number.magnitude(number.unscaled.digits().len()));
            let by_magnitude = magnitudes[0].cmp(&magnitudes[1]);
            if by_magnitude != Ordering::Equal {
                return if self.unscaled.is_negative() {
                    by_magnitude.reverse()
                } else {
                    by_magnitude
                };
            }
            // With equal magnitudes the scales differ by no more than the numbers of digits do.
            let wider = self.scale.max(other.scale);
            let [one, two] =
                [self, other].map(|number| number.unscaled.shifted(wider.abs_diff(number.scale)));
            one.cmp(&two)
        };
        by_sign
            .then_with(by_number)
            .then_with(|| self.scale.cmp(&other.scale))
    }
}

impl PartialOrd for BigDecimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Encode for BigDecimal {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut content = Vec::new();
        self.unscaled
            .with_be_bytes(|bytes| encode::bytes(&mut content, bytes));
        encode::int(&mut content, self.scale);
        encode::bytes(out, &content);
    }
}

impl Decode<'_> for BigDecimal {
    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let offset = cursor.position();
        Self::from_content(cursor.bytes()?).map_err(|kind| DecodeError::new(kind, offset))
    }
}

serde_as_text!(BigDecimal);

/// The digits with a point before the last `scale` of them.
pub(crate) fn plain(unscaled: &Unscaled, scale: usize) -> String {
    let sign = if unscaled.is_negative() { "-" } else { "" };
    let digits = unscaled.digits();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let zeros = "0".repeat((scale + 1).saturating_sub(digits.len()));
    let padded = format!("{zeros}{digits}");
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// The unscaled number of a text, if it fits in the precision and needs no more than the scale.
pub(crate) fn parse_scaled(text: &str, precision: usize, scale: usize) -> Option<Unscaled> {
    let (negative, whole, fraction) = split(text)?;
    let fraction = fraction.trim_end_matches('0');
    let zeros = "0".repeat(scale.checked_sub(fraction.len())?);
    let unscaled = Unscaled::from_digits(negative, &format!("{whole}{fraction}{zeros}"))?;
    unscaled.has_at_most(precision).then_some(unscaled)
}

/// Sign, digits before and digits after the point; at least one digit in all.
fn split(text: &str) -> Option<(bool, &str, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let any = !whole.is_empty() || !fraction.is_empty();
    (any && digits(whole) && digits(fraction)).then_some((text.starts_with('-'), whole, fraction))
}
