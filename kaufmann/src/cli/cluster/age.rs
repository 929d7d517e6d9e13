//! Durations for people.

use std::time::Duration;

/// Formats a duration in at most two units: `0s`, `42s`, `3m 12s`, `2h 5m`, `9d 3h`.
pub(crate) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600, seconds / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_at_most() {
        let age = |seconds| age(Duration::from_secs(seconds));
        assert_eq!(
            [age(0), age(59), age(192), age(7_500), age(788_400)],
            ["0s", "59s", "3m 12s", "2h 5m", "9d 3h"]
        );
    }
}
