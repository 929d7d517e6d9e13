//! What the next owner handles again of what was begun here, and why. Pure.

use std::fmt;

/// Records that were begun, or handled, and are not committed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Repeats {
    /// They failed, and wait to be tried again.
    pub(crate) waiting: usize,
    /// Their handlers run, or their messages are on their way.
    pub(crate) in_flight: usize,
    /// Their messages were not delivered.
    pub(crate) undelivered: usize,
    /// They are settled, and no commit of that was answered.
    pub(crate) uncommitted: usize,
}

impl Repeats {
    /// How many there are.
    pub(crate) fn total(self) -> usize {
        self.waiting + self.in_flight + self.undelivered + self.uncommitted
    }

    /// These and others.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            in_flight: self.in_flight + other.in_flight,
            undelivered: self.undelivered + other.undelivered,
            uncommitted: self.uncommitted + other.uncommitted,
        }
    }
}

/// `12 records are repeated by the next owner: 9 wait for their back-off, 3 in flight at the deadline`
impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total() {
            1 => f.write_str("1 record is repeated by the next owner")?,
            total => write!(f, "{total} records are repeated by the next owner")?,
        }
        let reasons = [
            (self.waiting, "wait for their back-off"),
            (self.in_flight, "in flight at the deadline"),
            (self.undelivered, "whose messages were not delivered"),
            (self.uncommitted, "settled, but their commit was not answered"),
        ];
        let mut separator = ": ";
        for (records, reason) in reasons.into_iter().filter(|(records, _)| *records > 0) {
            write!(f, "{separator}{records} {reason}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_named_with_its_records() {
        let repeats = Repeats {
            waiting: 9,
            in_flight: 3,
            ..Repeats::default()
        };
        assert_eq!(
            repeats.to_string(),
            "12 records are repeated by the next owner: 9 wait for their back-off, 3 in flight at the deadline"
        );
        assert_eq!(Repeats::default().and(repeats), repeats);
    }
}
