//! When a member that its group refuses tries again, and when it gives up. Pure: the caller passes the time.

use std::time::{Duration, Instant};

/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_secs(1);
/// A refusal this long after the last one begins a new row.
const ROW_GAP: Duration = Duration::from_secs(30);

/// Since when a group refuses a member, and how long it may.
#[derive(Debug)]
pub(super) struct Rejoin {
    deadline: Duration,
    /// The first and the last refusal in a row.
    refused: Option<(Instant, Instant)>,
    due: Option<Instant>,
}

/// What follows a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Try again with a new client after a pause.
    Again {
        /// Whether it is the first refusal in a row.
        first: bool,
    },
    /// The deadline has passed.
    GiveUp,
}

impl Rejoin {
    pub(super) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            refused: None,
            due: None,
        }
    }

    /// Notes a refusal. `bounded`: whether the deadline applies.
    pub(super) fn refused(&mut self, now: Instant, bounded: bool) -> Next {
        let in_a_row = self
            .refused
            .filter(|(_, last)| now.saturating_duration_since(*last) < ROW_GAP);
        let since = in_a_row.map_or(now, |(first, _)| first);
        self.refused = Some((since, now));
        if bounded && now.saturating_duration_since(since) >= self.deadline {
            return Next::GiveUp;
        }
        self.due = Some(now + PAUSE);
        Next::Again {
            first: in_a_row.is_none(),
        }
    }

    /// Whether to try again now; `true` once for each refusal.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Notes that the member has joined the group.
    pub(super) fn joined(&mut self) {
        self.refused = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_refused_member_asks_again_each_second_until_the_deadline() {
        let (mut rejoin, start) = (Rejoin::new(SECOND * 10), Instant::now());
        assert_eq!(rejoin.refused(start, true), Next::Again { first: true });
        assert!(!rejoin.is_due(start) && rejoin.is_due(start + SECOND));
        assert!(!rejoin.is_due(start + SECOND), "it tries once");
        assert_eq!(
            rejoin.refused(start + SECOND * 2, true),
            Next::Again { first: false }
        );
        assert_eq!(rejoin.refused(start + SECOND * 10, true), Next::GiveUp);
    }

    #[test]
    fn what_has_no_limit_and_what_is_long_ago_is_not_given_up() {
        let (mut rejoin, start) = (Rejoin::new(SECOND), Instant::now());
        assert_eq!(rejoin.refused(start, false), Next::Again { first: true });
        assert_eq!(
            rejoin.refused(start + SECOND * 20, false),
            Next::Again { first: false }
        );
        assert_eq!(
            rejoin.refused(start + SECOND * 60, true),
            Next::Again { first: true }
        );
        rejoin.joined();
        assert_eq!(
            rejoin.refused(start + SECOND * 61, true),
            Next::Again { first: true }
        );
    }
}
