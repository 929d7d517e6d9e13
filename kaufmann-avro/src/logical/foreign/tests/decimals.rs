use ::bigdecimal::BigDecimal as AnyDecimal;
use ::bigdecimal::num_bigint::BigInt;
use ::rust_decimal::Decimal as RustDecimal;
use proptest::prelude::*;

use crate::logical::foreign::ConversionError;
use crate::logical::{BigDecimal, Decimal};

const HERE: &str = "the `Decimal` of this precision and scale";
const THERE: &str = "`rust_decimal::Decimal`";

fn rust(text: &str) -> RustDecimal {
    RustDecimal::from_str_exact(text).unwrap()
}

fn big(text: &str) -> AnyDecimal {
    text.parse().unwrap()
}

#[test]
fn a_decimal_keeps_its_scale_where_the_other_has_it() {
    let price: Decimal<9, 2> = "12.50".parse().unwrap();
    assert_eq!(RustDecimal::try_from(&price).unwrap().to_string(), "12.50");
    assert_eq!(
        AnyDecimal::from(&price).as_bigint_and_exponent(),
        (1250.into(), 2)
    );
    assert_eq!(Decimal::try_from(rust("12.5")), Ok(price.clone()));
    assert_eq!(Decimal::try_from(big("1.25E+1")), Ok(price));
    assert_eq!(BigDecimal::from(rust("12.50")), BigDecimal::new(1250, 2));
    assert_eq!(BigDecimal::try_from(big("12.50")), Ok(BigDecimal::new(1250, 2)));
    assert_eq!(
        RustDecimal::try_from(BigDecimal::new(12, -3))
            .unwrap()
            .to_string(),
        "12000"
    );
}

#[test]
fn zeros_at_the_end_need_no_room() {
    let long: Decimal<60, 40> = format!("1.5{}", "0".repeat(39)).parse().unwrap();
    assert_eq!(RustDecimal::try_from(&long), Ok(rust("1.5")));
    assert_eq!(
        RustDecimal::try_from(BigDecimal::new(0, i32::MAX)),
        Ok(RustDecimal::ZERO)
    );
    assert_eq!(
        RustDecimal::try_from(BigDecimal::new(0, i32::MIN)),
        Ok(RustDecimal::ZERO)
    );
    assert_eq!(
        Decimal::<2, 1>::try_from(rust("1.5000000000000000000000000000")),
        Ok("1.5".parse().unwrap())
    );
    assert_eq!(Decimal::<2, 1>::try_from(rust("-0.0000")), Ok(Decimal::default()));
    assert_eq!(
        Decimal::<2, 1>::try_from(AnyDecimal::new(0.into(), i64::MIN)),
        Ok(Decimal::default())
    );
}

#[test]
fn a_scale_may_be_greater_than_the_digits() {
    let small: Decimal<2, 20> = Decimal::new(-7).unwrap();
    assert_eq!(RustDecimal::try_from(&small), Ok(rust("-0.00000000000000000007")));
    assert_eq!(
        Decimal::try_from(RustDecimal::try_from(&small).unwrap()),
        Ok(small.clone())
    );
    assert_eq!(Decimal::try_from(AnyDecimal::from(&small)), Ok(small));
    let tiny: Decimal<2, 29> = Decimal::new(7).unwrap();
    assert_eq!(
        RustDecimal::try_from(&tiny),
        Err(ConversionError::Inexact { target: THERE })
    );
    assert_eq!(
        RustDecimal::try_from(BigDecimal::new(7, i32::MAX)),
        Err(ConversionError::Inexact { target: THERE })
    );
}

#[test]
fn what_has_too_many_digits_is_out_of_range_and_what_has_too_fine_ones_is_inexact() {
    type Price = Decimal<4, 2>;
    let (beyond, inexact) = (
        ConversionError::OutOfRange { target: HERE },
        ConversionError::Inexact { target: HERE },
    );
    assert_eq!(Price::try_from(rust("99.99")), Ok(Price::new(9999).unwrap()));
    assert_eq!(Price::try_from(rust("100")), Err(beyond));
    assert_eq!(Price::try_from(rust("0.001")), Err(inexact));
    assert_eq!(Price::try_from(big("-100")), Err(beyond));
    assert_eq!(Price::try_from(big("0.001")), Err(inexact));
}

#[test]
fn the_limit_of_96_bits_is_that_of_rust_decimal() {
    let most = RustDecimal::MAX.mantissa();
    let wide = |number: i128| RustDecimal::try_from(Decimal::<39, 0>::new(number).unwrap());
    let beyond = Err(ConversionError::OutOfRange { target: THERE });
    assert_eq!(wide(most), Ok(RustDecimal::MAX));
    assert_eq!(wide(-most), Ok(RustDecimal::MIN));
    assert_eq!(wide(most + 1), beyond);
    assert_eq!(wide(-most - 1), beyond);
    assert_eq!(wide(i128::MIN), beyond);
    assert_eq!(wide(i128::MAX), beyond);
    let huge: Decimal<60, 10> = format!("{}.5", "9".repeat(50)).parse().unwrap();
    assert_eq!(RustDecimal::try_from(huge), beyond);
    assert_eq!(RustDecimal::try_from(BigDecimal::new(1, i32::MIN)), beyond);
}

/// Filled up with zeros, such numbers would take gigabytes.
#[test]
fn a_scale_beyond_all_use_is_an_error_at_once() {
    for scale in [i64::MIN, -4_000_000_000, i64::from(i32::MIN) - 1] {
        let number = AnyDecimal::new(BigInt::from(10), scale);
        assert_eq!(
            Decimal::<9, 2>::try_from(&number),
            Err(ConversionError::OutOfRange { target: HERE })
        );
        assert_eq!(
            BigDecimal::try_from(&number),
            Err(ConversionError::OutOfRange {
                target: "`BigDecimal`"
            })
        );
    }
    for scale in [i64::MAX, 4_000_000_000] {
        let number = AnyDecimal::new(BigInt::from(10), scale);
        assert_eq!(
            Decimal::<9, 2>::try_from(&number),
            Err(ConversionError::Inexact { target: HERE })
        );
        assert!(BigDecimal::try_from(number).is_err());
    }
}

proptest! {
    #[test]
    fn our_decimals_come_back_from_every_library(bytes in prop::collection::vec(any::<u8>(), 0..30), scale: i32) {
        if let Some(own) = Decimal::<60, 25>::from_be_bytes(&bytes) {
            prop_assert_eq!(AnyDecimal::from(&own), big(&own.to_string()));
            prop_assert_eq!(Decimal::try_from(AnyDecimal::from(&own)), Ok(own.clone()));
            if let Ok(there) = RustDecimal::try_from(&own) {
                prop_assert_eq!(Decimal::try_from(there), Ok(own));
            }
        }
        let own = BigDecimal::from_be_bytes(&bytes, scale);
        prop_assert_eq!(BigDecimal::try_from(AnyDecimal::from(&own)), Ok(own));
    }

    #[test]
    fn a_number_is_a_rust_decimal_just_if_its_own_reader_takes_its_text(number: i128, shift in 0_u32..127, scale in -10_i32..40) {
        let own = BigDecimal::new(number >> shift, scale);
        let text = big(&own.to_string()).normalized().to_plain_string();
        let expected = RustDecimal::from_str_exact(&text).ok();
        prop_assert_eq!(RustDecimal::try_from(&own).ok(), expected);
    }

    #[test]
    fn decimals_of_rust_decimal_come_back(low: u32, middle: u32, high: u32, negative: bool, scale in 0_u32..=28) {
        let there = RustDecimal::from_parts(low, middle, high, negative, scale);
        let own = BigDecimal::from(there);
        prop_assert_eq!(own.to_string().parse::<AnyDecimal>().unwrap(), big(&there.to_string()));
        let back = RustDecimal::try_from(&own).unwrap();
        prop_assert_eq!((back, back.scale()), (there, there.scale()));
        let own: Decimal<57, 28> = there.try_into().unwrap();
        prop_assert_eq!(RustDecimal::try_from(own), Ok(there));
    }
}
