//! Compares this machine's clock with the registry's. Pure.

use std::time::{Duration, SystemTime};

use super::report::{Check, about};

/// The difference between the clocks that is still fine.
const TOLERANCE: Duration = Duration::from_secs(5);

/// How far ahead a record's timestamp may be: the brokers' `message.timestamp.after.max.ms`.
const TOO_FAR: Duration = Duration::from_secs(3600);

/// Judges the clock. `theirs` has a resolution of a second; `before` and `after` are the local times around the request.
pub(super) fn judge(theirs: Option<SystemTime>, before: SystemTime, after: SystemTime) -> Check {
    let clock = about("clock");
    let Some(theirs) = theirs else {
        return clock.unchecked("the registry does not report its time");
    };
    // The registry answered between `before` and `after`; its time was between `theirs` and a second later.
    let ahead = before
        .duration_since(theirs + Duration::from_secs(1))
        .unwrap_or_default();
    let behind = theirs.duration_since(after).unwrap_or_default();
    let remedy = "synchronise this machine's clock, or the registry's, with NTP";
    let shown = |by: Duration| humantime::format_duration(Duration::from_secs(by.as_secs())).to_string();
    if ahead > TOO_FAR {
        let found = format!(
            "{} ahead of the registry's: brokers refuse records with timestamps that far ahead",
            shown(ahead)
        );
        clock.unfit(found, remedy)
    } else if ahead > TOLERANCE {
        clock.warning(format!("{} ahead of the registry's", shown(ahead)), remedy)
    } else if behind > TOLERANCE {
        clock.warning(format!("{} behind the registry's", shown(behind)), remedy)
    } else {
        clock.fit("within a few seconds of the registry's")
    }
}
