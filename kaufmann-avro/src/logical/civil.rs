//! Days and dates of the proleptic Gregorian calendar, for every number of days that an `i64` of any unit reaches.
//!
//! A year begins with March here, so that the leap day is its last; 400 such years are 146,097 days.

const DAYS_PER_ERA: i64 = 146_097;
/// From the first of March of the year 0 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Year, month and day of a number of days since 1970-01-01.
pub(super) fn from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, day) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    // Without the leap days, which come every 4 years but not every 100, and with those of every 400.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Five months from March on take 153 days, twice.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let january_or_february = i64::from(month >= 10);
    (
        era * 400 + year + january_or_february,
        month + 3 - 12 * january_or_february,
        day,
    )
}

/// Days since 1970-01-01, or nothing if there is no such date. The year is one of those that [`from_days`] returns.
pub(super) fn to_days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let march_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * DAYS_PER_ERA + day_of_era - EPOCH;
    // The 31st of April would be the 1st of May.
    (from_days(days) == (year, month, day)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::{from_days, to_days};

    #[test]
    fn every_day_of_800_years_follows_the_one_before() {
        let (mut year, mut month, mut day) = from_days(-150_000);
        for days in -149_999..150_000 {
            let length = match month {
                4 | 6 | 9 | 11 => 30,
                2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
                2 => 28,
                _ => 31,
            };
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (_, last) if last == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
            assert_eq!(from_days(days), (year, month, day));
            assert_eq!(to_days(year, month, day), Some(days));
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_none() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 4, 31),
            (2024, 0, 1),
            (2024, 13, 1),
            (1, 1, 0),
        ] {
            assert_eq!(to_days(year, month, day), None);
        }
    }
}
