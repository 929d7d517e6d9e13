//! Whether this machine's clock is right, by what the registry says the time is. Pure.

use std::time::{Duration, SystemTime};

use super::report::{Check, about};

/// By how much clocks may differ without anybody having to care.
const TOLERANCE: Duration = Duration::from_secs(5);

/// How far ahead a record's time may be for Kafka's brokers: `message.timestamp.after.max.ms`.
const TOO_FAR: Duration = Duration::from_secs(3600);

/// Judges the clock. `theirs` is to the second; `before` and `after` are the times here around the question.
pub(super) fn judge(theirs: Option<SystemTime>, before: SystemTime, after: SystemTime) -> Check {
    let clock = about("clock");
    let Some(theirs) = theirs else {
        return clock.unchecked("the registry does not say what time it is");
    };
    // They said it between `before` and `after`, of a time between `theirs` and a second later.
    let ahead = before
        .duration_since(theirs + Duration::from_secs(1))
        .unwrap_or_default();
    let behind = theirs.duration_since(after).unwrap_or_default();
    let remedy = "let the machine's clock be set by NTP, or the registry's";
    let shown = |by: Duration| humantime::format_duration(Duration::from_secs(by.as_secs())).to_string();
    if ahead > TOO_FAR {
        let found = format!(
            "{} ahead of the registry's: brokers refuse records with times that far ahead",
            shown(ahead)
        );
        clock.unfit(found, remedy)
    } else if ahead > TOLERANCE {
        clock.warning(format!("{} ahead of the registry's", shown(ahead)), remedy)
    } else if behind > TOLERANCE {
        clock.warning(format!("{} behind the registry's", shown(behind)), remedy)
    } else {
        clock.fit("as the registry's, to a few seconds")
    }
}
