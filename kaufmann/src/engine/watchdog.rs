//! What takes too long: events that run, partitions whose watermark does not move, shards that do not answer.
//!
//! The poller checks periodically and requests a [`Sample`] from the shards; what is logged, and when, is decided here. Pure but
//! for the sample: the time is an argument.

use std::time::{Duration, Instant};

mod sample;

pub(crate) use sample::{Age, Answers, Event, Sample, shortened};

/// Bounds on the interval between checks, which is a quarter of the time after which something is logged.
const MAX_INTERVAL: Duration = Duration::from_secs(5);
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Decides when a lasting condition is logged: once it has lasted `after`, and then each time it has lasted twice as long as at
/// the last line.
#[derive(Debug)]
pub(crate) struct Lasting<K> {
    after: Duration,
    logged: Option<Logged<K>>,
}

#[derive(Debug)]
struct Logged<K> {
    what: K,
    since: Instant,
    /// The age at which it is logged again.
    next: Duration,
}

/// What to log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said<K> {
    /// The condition that was logged and is over, and about how long it lasted.
    pub(crate) over: Option<(K, Duration)>,
    /// How long the present condition has lasted, if that must be logged.
    pub(crate) lasts: Option<Duration>,
}

impl<K: Clone + PartialEq> Lasting<K> {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, logged: None }
    }

    /// Returns what to log now. `what` is the present condition, and since when it lasts.
    pub(crate) fn look(&mut self, what: Option<(K, Instant)>, now: Instant) -> Said<K> {
        let same = |logged: &mut Logged<K>| what.as_ref().is_some_and(|(what, _)| *what == logged.what);
        let over = self.logged.take_if(|logged| !same(logged));
        let over = over.map(|logged| (logged.what, now.saturating_duration_since(logged.since)));
        let lasts = what.and_then(|(what, since)| {
            let age = now.saturating_duration_since(since);
            self.is_due(&what, age).then(|| {
                let next = age.saturating_mul(2);
                self.logged = Some(Logged { what, since, next });
                age
            })
        });
        Said { over, lasts }
    }

    /// Whether a condition that has lasted for `age` must be logged.
    pub(crate) fn is_due(&self, what: &K, age: Duration) -> bool {
        let logged = self.logged.as_ref().filter(|logged| logged.what == *what);
        age >= logged.map_or(self.after, |logged| logged.next)
    }
}

/// The time between two checks.
pub(crate) fn interval(after: Duration) -> Duration {
    (after / 4).clamp(MIN_INTERVAL, MAX_INTERVAL)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AFTER: Duration = Duration::from_secs(60);

    /// Returns at which seconds something is logged that began at 0 and is checked each second.
    fn logged(seconds: u64) -> Vec<u64> {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        let at = |second| start + Duration::from_secs(second);
        let mut look = |second| lasting.look(Some(((), start)), at(second)).lasts.is_some();
        (0..seconds).filter(|second| look(*second)).collect()
    }

    #[test]
    fn what_lasts_is_logged_once_and_then_at_growing_intervals() {
        assert_eq!(logged(1000), [60, 120, 240, 480, 960]);
    }

    #[test]
    fn the_end_of_what_was_logged_is_logged_once() {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        let nothing = Said {
            over: None,
            lasts: None,
        };
        assert_eq!(lasting.look(Some(("a", start)), start + AFTER / 2), nothing);
        assert_eq!(lasting.look(None, start + AFTER), nothing, "it was never logged");
        let due = lasting.look(Some(("a", start)), start + AFTER);
        assert_eq!((due.over, due.lasts), (None, Some(AFTER)));
        let over = lasting.look(None, start + AFTER * 3);
        assert_eq!((over.over, over.lasts), (Some(("a", AFTER * 3)), None));
        assert_eq!(lasting.look(None, start + AFTER * 4), nothing);
    }

    #[test]
    fn another_one_is_logged_when_the_first_is_over() {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        lasting.look(Some(("a", start)), start + AFTER);
        let due = lasting.look(Some(("b", start + AFTER / 4)), start + AFTER * 2);
        assert_eq!(due.over, Some(("a", AFTER * 2)));
        assert_eq!(due.lasts, Some(AFTER * 2 - AFTER / 4));
    }

    #[test]
    fn the_interval_is_bounded() {
        assert_eq!(interval(Duration::ZERO), MIN_INTERVAL);
        assert_eq!(interval(Duration::from_secs(4)), Duration::from_secs(1));
        assert_eq!(interval(Duration::from_secs(3600)), MAX_INTERVAL);
    }

    proptest! {
        /// However rare the checks are, each line reports an age of at least `after` and at least twice that of the line before,
        /// and the end of everything that was logged is logged.
        #[test]
        fn lines_are_far_apart_and_each_condition_ends(
            steps in prop::collection::vec((0..200u64, any::<bool>(), any::<bool>()), 1..200)
        ) {
            let mut lasting = Lasting::new(AFTER);
            let mut now = Instant::now();
            let (mut number, mut since) = (0, now);
            let mut open: Option<(u32, Duration)> = None;
            for (seconds, next, nothing) in steps {
                now += Duration::from_secs(seconds);
                if next {
                    (number, since) = (number + 1, now);
                }
                let due = lasting.look((!nothing).then_some((number, since)), now);
                if let Some((over, _)) = due.over {
                    let logged = open.take().map(|(logged, _)| logged);
                    prop_assert_eq!(logged, Some(over));
                    prop_assert!(nothing || over != number);
                }
                if let Some(age) = due.lasts {
                    prop_assert!(age >= AFTER);
                    if let Some((logged, before)) = open {
                        prop_assert_eq!(logged, number);
                        prop_assert!(age >= before * 2);
                    }
                    open = Some((number, age));
                } else if let Some((logged, _)) = open {
                    prop_assert!(!nothing && logged == number);
                }
            }
        }
    }
}
