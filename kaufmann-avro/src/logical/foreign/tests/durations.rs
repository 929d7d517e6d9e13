use ::jiff::{Span, ToSpan};
use proptest::prelude::*;

use crate::logical::Duration;
use crate::logical::foreign::ConversionError;

const BEYOND: ConversionError = ConversionError::OutOfRange { target: "`Duration`" };

#[test]
fn a_span_is_a_duration_of_months_days_and_milliseconds() {
    let span = 1
        .year()
        .months(2)
        .weeks(3)
        .days(4)
        .hours(5)
        .minutes(6)
        .seconds(7)
        .milliseconds(8)
        .microseconds(9_000);
    let millis = ((5 * 60 + 6) * 60 + 7) * 1_000 + 8 + 9;
    assert_eq!(
        Duration::try_from(span),
        Ok(Duration {
            months: 14,
            days: 25,
            millis
        })
    );
    assert_eq!(Duration::try_from(Span::new()), Ok(Duration::default()));
    let inexact = ConversionError::Inexact { target: "`Duration`" };
    assert_eq!(Duration::try_from(1.nanosecond()), Err(inexact));
    for beyond in [-1.months(), -1.days(), -1.seconds(), 50.days().hours(24 * 50)] {
        assert_eq!(Duration::try_from(beyond), Err(BEYOND), "{beyond}");
    }
}

#[test]
fn more_months_or_days_than_a_span_has_are_out_of_range() {
    let beyond = ConversionError::OutOfRange {
        target: "`jiff::Span`",
    };
    let of = |months, days| {
        Span::try_from(Duration {
            months,
            days,
            millis: 0,
        })
        .map(Span::fieldwise)
    };
    assert_eq!(
        of(239_976, 7_304_484),
        Ok(239_976.months().days(7_304_484).fieldwise())
    );
    assert_eq!(of(239_977, 0), Err(beyond));
    assert_eq!(of(0, 7_304_485), Err(beyond));
    assert_eq!(of(u32::MAX, u32::MAX), Err(beyond));
}

proptest! {
    #[test]
    fn a_duration_that_is_a_span_comes_back(months: u32, days: u32, millis: u32, shift in 0_u32..32) {
        let own = Duration { months: months >> shift, days: days >> shift, millis };
        if let Ok(span) = Span::try_from(own) {
            prop_assert_eq!(Duration::try_from(span), Ok(own));
        } else {
            prop_assert!(own.months > 239_976 || own.days > 7_304_484);
        }
    }
}
