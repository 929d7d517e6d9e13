use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::{Decode, DecodeErrorKind, Encode, decode};

fn bytes_of(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

/// Text, serde and bytes all give the value back.
fn survives<T>(value: &T)
where
    T: Display + FromStr<Err = InvalidText> + Encode + for<'a> Decode<'a> + PartialEq + Debug,
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    assert_eq!(value.to_string().parse().as_ref(), Ok(value));
    assert_eq!(&decode::<T>(&bytes_of(value)).unwrap(), value);
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(json, format!("\"{value}\""));
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value);
}

/// A text that is read and written the same.
fn is_text<T: Display + FromStr<Err = InvalidText> + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(value.to_string(), text);
    assert_eq!(text.parse().as_ref(), Ok(value));
}

#[test]
fn dates_and_times_are_written_after_rfc_3339() {
    is_text(&Date(0), "1970-01-01");
    is_text(&Date(-1), "1969-12-31");
    is_text(&Date(19_782), "2024-02-29");
    is_text(&Date(-719_528), "0000-01-01");
    is_text(&Date(2_932_896), "9999-12-31");
    is_text(&Date(2_932_897), "+010000-01-01");
    is_text(&Date(-719_529), "-000001-12-31");
    is_text(&TimeMillis(0), "00:00:00");
    is_text(&TimeMillis(86_399_999), "23:59:59.999");
    is_text(&TimeMicros(1), "00:00:00.000001");
    is_text(&TimestampMillis(0), "1970-01-01T00:00:00Z");
    is_text(&TimestampMillis(-1), "1969-12-31T23:59:59.999Z");
    is_text(
        &TimestampMicros(1_000_000_000_000_001),
        "2001-09-09T01:46:40.000001Z",
    );
    is_text(&TimestampNanos(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    is_text(&TimestampNanos(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    is_text(&LocalTimestampMillis(1_500), "1970-01-01T00:00:01.500");
}

#[test]
fn timestamps_are_read_with_any_offset_and_fraction() {
    for text in [
        "2024-02-29T12:00:00+02:00",
        "2024-02-29t10:00:00z",
        "2024-02-29 04:30:00.000-05:30",
        "2024-02-29T10:00:00.000000000Z",
    ] {
        assert_eq!(text.parse(), Ok(TimestampMillis(1_709_200_800_000)), "{text}");
    }
    assert_eq!(
        "2024-02-29T10:00:00.1Z".parse(),
        Ok(TimestampMillis(1_709_200_800_100))
    );
}

#[test]
fn texts_that_are_no_value_say_what_is_expected() {
    for text in [
        "",
        "2024-02-30",
        "2024-2-9",
        "24-02-09",
        "2024-02-09x",
        "2024-02-09T00:00:00Z",
        "+99999999999-01-01",
        "2024–01–01",
    ] {
        assert_eq!(
            text.parse::<Date>().unwrap_err().to_string(),
            "expected a date like 2026-01-31",
            "{text}"
        );
    }
    for text in [
        "2024-02-29T10:00:00",
        "2024-02-29",
        "2024-02-29T24:00:00Z",
        "2024-02-29T10:60:00Z",
        "2024-02-29T10:00:60Z",
        "2024-02-29T10:00:00.0001Z",
        "2024-02-29T10:00:00.Z",
        "2024-02-29T10:00:00+2:00",
        "2024-02-29T10:00:00+24:00",
        "2024-02-29T10:00Z",
    ] {
        assert!(text.parse::<TimestampMillis>().is_err(), "{text}");
    }
    assert!("2024-02-29T10:00:00Z".parse::<LocalTimestampMillis>().is_err());
    assert!("2263-01-01T00:00:00Z".parse::<TimestampNanos>().is_err());
    assert!("1:00:00".parse::<TimeMillis>().is_err());
    assert!("9999999999:00:00".parse::<TimeMillis>().is_err());
}

#[test]
fn the_extremes_of_every_type_survive() {
    for value in [i32::MIN, -1, 0, 1, i32::MAX] {
        survives(&Date(value));
        survives(&TimeMillis(value));
    }
    for value in [i64::MIN, -1, 0, 1, i64::MAX] {
        survives(&TimeMicros(value));
        survives(&TimestampMillis(value));
        survives(&TimestampMicros(value));
        survives(&TimestampNanos(value));
        survives(&LocalTimestampMillis(value));
        survives(&LocalTimestampMicros(value));
        survives(&LocalTimestampNanos(value));
    }
}

#[test]
fn a_decimal_has_its_scale() {
    type Price = Decimal<6, 2>;
    for (unscaled, text) in [
        (0, "0.00"),
        (5, "0.05"),
        (-5, "-0.05"),
        (1234, "12.34"),
        (999_999, "9999.99"),
        (-999_999, "-9999.99"),
    ] {
        let price = Price::new(unscaled).unwrap();
        is_text(&price, text);
        survives(&price);
    }
    for (text, unscaled) in [
        ("1", 100),
        ("+1.5", 150),
        (".5", 50),
        ("1.", 100),
        ("1.500", 150),
        ("0001", 100),
        ("-0", 0),
    ] {
        assert_eq!(text.parse(), Ok(Price::new(unscaled).unwrap()), "{text}");
    }
    for text in ["", ".", "-", "1.234", "10000", "1e3", "1,5", "--1", " 1", "١"] {
        assert!(text.parse::<Price>().is_err(), "{text}");
    }
    assert_eq!(Price::new(1_000_000), None);
    assert_eq!(Decimal::<3, 0>::new(-12).unwrap().to_string(), "-12");
    assert_eq!(Decimal::<3, 3>::new(12).unwrap().to_string(), "0.012");
}

#[test]
fn a_decimal_takes_as_few_bytes_as_it_can() {
    let bytes = |unscaled| Decimal::<38, 0>::new(unscaled).unwrap().to_be_bytes();
    assert_eq!(bytes(0), [0]);
    assert_eq!(bytes(127), [0x7f]);
    assert_eq!(bytes(128), [0, 0x80]);
    assert_eq!(bytes(-128), [0x80]);
    assert_eq!(bytes(-129), [0xff, 0x7f]);
    assert_eq!(bytes(-1), [0xff]);
    assert_eq!(bytes(10_i128.pow(38) - 1).len(), 16);
}

#[test]
fn a_decimal_is_read_from_bytes_of_any_length() {
    for bytes in [&[][..], &[0], &[0; 16], &[0; 17], &[0; 40]] {
        assert_eq!(Decimal::<1, 0>::from_be_bytes(bytes), Decimal::new(0));
    }
    for length in [1, 2, 16, 17, 40] {
        assert_eq!(
            Decimal::<1, 0>::from_be_bytes(&vec![0xff; length]),
            Decimal::new(-1)
        );
    }
    assert_eq!(Decimal::<2, 0>::from_be_bytes(&[100]), None);
    let beyond = decode::<Decimal<2, 0>>(&[2, 100]).unwrap_err();
    assert_eq!((beyond.kind(), beyond.offset()), (DecodeErrorKind::Decimal, 0));
}

#[test]
fn decimals_beyond_128_bits_are_exact() {
    type Huge = Decimal<60, 10>;
    let text = "-12345678901234567890123456789012345678901234567890.0123456789";
    let huge: Huge = text.parse().unwrap();
    is_text(&huge, text);
    survives(&huge);
    assert_eq!(huge.unscaled_i128(), None);
    let (least, most) = (
        format!("-{}.{}", "9".repeat(50), "9".repeat(10)),
        format!("{}.{}", "9".repeat(50), "9".repeat(10)),
    );
    survives(&least.parse::<Huge>().unwrap());
    assert!(least.parse::<Huge>().unwrap() < huge && huge < most.parse().unwrap());
    assert!(huge < Huge::new(i128::MIN).unwrap() && Huge::new(i128::MAX).unwrap() < most.parse().unwrap());
    assert!(format!("1{}", "0".repeat(50)).parse::<Huge>().is_err());
    assert_eq!(Huge::from_be_bytes(&[0x7f; 26]), None);
    assert_eq!(Huge::from_be_bytes(&[0x7f; 100_000]), None);
}

#[test]
fn a_decimal_on_a_fixed_is_extended_by_its_sign() {
    let fixed = |unscaled| OnFixed::<4>::to_fixed(&Decimal::<9, 2>::new(unscaled).unwrap());
    assert_eq!(fixed(1), [0, 0, 0, 1]);
    assert_eq!(fixed(-1), [0xff; 4]);
    assert_eq!(fixed(999_999_999), [0x3b, 0x9a, 0xc9, 0xff]);
    assert_eq!(
        Decimal::<9, 2>::from_fixed(&[0xff; 4]),
        Ok(Decimal::new(-1).unwrap())
    );
    assert_eq!(
        Decimal::<9, 2>::from_fixed(&[0x7f; 4]),
        Err(DecodeErrorKind::Decimal)
    );
    let wide: Decimal<60, 0> = "1".repeat(60).parse().unwrap();
    assert_eq!(
        Decimal::<60, 0>::from_fixed(&OnFixed::<32>::to_fixed(&wide)),
        Ok(wide)
    );
}

#[test]
fn a_big_decimal_carries_its_scale() {
    for (unscaled, scale, text) in [
        (1234, 2, "12.34"),
        (-1234, 2, "-12.34"),
        (0, 0, "0"),
        (0, 3, "0.000"),
        (5, 7, "5E-7"),
        (12, 0, "12"),
        (12, -3, "1.2E+4"),
        (1, i32::MIN, "1E+2147483648"),
        (1, i32::MAX, "1E-2147483647"),
    ] {
        let number = BigDecimal::new(unscaled, scale);
        assert_eq!(number.to_string(), text);
        assert_eq!(text.parse(), Ok(number.clone()));
        survives(&number);
    }
    for text in ["", ".", "1E", "E1", "1E99999999999", "1E2147483649", "1.2.3", "x"] {
        assert!(text.parse::<BigDecimal>().is_err(), "{text}");
    }
}

#[test]
fn big_decimals_are_ordered_by_number_whatever_their_scale() {
    let texts = [
        "-1E+2147483647",
        "-1000",
        "-10.5",
        "-10",
        "-1E-2147483647",
        "0",
        "0.0",
        "1E-2147483647",
        "0.5",
        "1",
        "1.0",
        "1.01",
        "999",
        "1E+3",
        "1E+2147483647",
    ];
    let numbers: Vec<BigDecimal> = texts.iter().map(|text| text.parse().unwrap()).collect();
    for pair in numbers.windows(2) {
        assert!(pair[0] < pair[1], "{} {}", pair[0], pair[1]);
        assert_eq!(pair[1].cmp(&pair[0]), std::cmp::Ordering::Greater);
    }
}

#[test]
fn the_bytes_of_a_big_decimal_are_number_and_scale() {
    assert_eq!(bytes_of(&BigDecimal::new(1234, 2)), [8, 4, 0x04, 0xd2, 4]);
    for bytes in [&[0][..], &[2, 0], &[6, 2, 1, 0x80], &[8, 2, 1, 0, 0], &[4, 4, 1]] {
        assert!(decode::<BigDecimal>(bytes).is_err(), "{bytes:?}");
    }
    assert_eq!(
        decode::<BigDecimal>(&[2, 0]).unwrap_err().kind(),
        DecodeErrorKind::BigDecimal
    );
}

#[test]
fn durations_are_written_after_iso_8601() {
    let of = |months, days, millis| Duration { months, days, millis };
    is_text(&of(0, 0, 0), "PT0S");
    is_text(&of(1, 2, 3_004), "P1M2DT3.004S");
    is_text(&of(0, 1, 0), "P1D");
    is_text(
        &of(u32::MAX, u32::MAX, u32::MAX),
        "P4294967295M4294967295DT4294967.295S",
    );
    survives(&of(1, 2, 3));
    assert_eq!(bytes_of(&of(1, 2, 3)), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    for text in [
        "",
        "P",
        "PT",
        "T1S",
        "P1",
        "P1D2M",
        "P1M2",
        "P-1D",
        "PT1",
        "PT1.0001S",
        "PT4294968S",
        "P4294967296D",
        "PM",
    ] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
}

#[test]
fn a_uuid_is_text_on_a_string_and_bytes_on_a_fixed() {
    let uuid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let bytes = bytes_of(&uuid);
    assert_eq!(bytes[1..], *b"01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!(decode(&bytes), Ok(uuid));
    assert_eq!(
        decode::<Uuid>(&[2, b'x']).unwrap_err().kind(),
        DecodeErrorKind::Uuid
    );
    assert_eq!(
        decode::<Uuid>(&[2, 0xff]).unwrap_err().kind(),
        DecodeErrorKind::Uuid
    );
    assert_eq!(Uuid::from_fixed(&uuid.to_fixed()), Ok(uuid));
}

proptest! {
    #[test]
    fn every_number_survives(int: i32, long: i64) {
        survives(&Date(int));
        survives(&TimeMillis(int));
        survives(&TimeMicros(long));
        survives(&TimestampMillis(long));
        survives(&TimestampMicros(long));
        survives(&TimestampNanos(long));
        survives(&LocalTimestampNanos(long));
    }

    #[test]
    fn every_decimal_survives(bytes in prop::collection::vec(any::<u8>(), 0..40), scale: i32) {
        if let Some(decimal) = Decimal::<100, 20>::from_be_bytes(&bytes) {
            survives(&decimal);
        }
        survives(&BigDecimal::from_be_bytes(&bytes, scale));
    }

    #[test]
    fn decimals_are_ordered_as_their_numbers(one: i128, other: i128) {
        type Wide = Decimal<39, 0>;
        prop_assert_eq!(Wide::new(one).cmp(&Wide::new(other)), one.cmp(&other));
    }

    #[test]
    fn every_duration_survives(months: u32, days: u32, millis: u32) {
        survives(&Duration { months, days, millis });
    }

    #[test]
    fn any_text_is_a_value_or_an_error(text in "\\PC*", near in "[-+0-9:.TZPMDSE ]{0,30}") {
        for text in [text, near] {
            let _ = (text.parse::<Date>(), text.parse::<TimeMillis>(), text.parse::<TimestampNanos>());
            let _ = (text.parse::<Decimal<9, 2>>(), text.parse::<BigDecimal>(), text.parse::<Duration>());
        }
    }
}
