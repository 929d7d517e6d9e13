//! What lasts too long: events that run, partitions whose watermark stands still, shards that do not answer.
//!
//! The poller looks from time to time and asks the shards what they are at ([`Sample`]); what is said, and when, is decided
//! here. Pure but for the sample: the time is an argument.

use std::time::{Duration, Instant};

mod sample;

pub(crate) use sample::{Age, Answers, Event, Sample, shortened};

/// How often is looked: a quarter of the time after which something is said, between these.
const SELDOM: Duration = Duration::from_secs(5);
const OFTEN: Duration = Duration::from_millis(10);

/// Says when something that lasts is worth a line: once it has lasted `after`, and then each time it has lasted twice as long
/// as at the last line.
#[derive(Debug)]
pub(crate) struct Lasting<K> {
    after: Duration,
    told: Option<Told<K>>,
}

#[derive(Debug)]
struct Told<K> {
    what: K,
    since: Instant,
    /// The age at which it is told again.
    next: Duration,
}

/// What is to be said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said<K> {
    /// What was told is over, and how long it lasted about.
    pub(crate) over: Option<(K, Duration)>,
    /// How long what lasts now has lasted, if that is to be told.
    pub(crate) lasts: Option<Duration>,
}

impl<K: Clone + PartialEq> Lasting<K> {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, told: None }
    }

    /// `what` is what lasts, and since when.
    pub(crate) fn look(&mut self, what: Option<(K, Instant)>, now: Instant) -> Said<K> {
        let same = |told: &mut Told<K>| what.as_ref().is_some_and(|(what, _)| *what == told.what);
        let over = self.told.take_if(|told| !same(told));
        let over = over.map(|told| (told.what, now.saturating_duration_since(told.since)));
        let lasts = what.and_then(|(what, since)| {
            let age = now.saturating_duration_since(since);
            self.is_due(&what, age).then(|| {
                let next = age.saturating_mul(2);
                self.told = Some(Told { what, since, next });
                age
            })
        });
        Said { over, lasts }
    }

    /// Whether this, which has lasted so long, is to be told.
    pub(crate) fn is_due(&self, what: &K, age: Duration) -> bool {
        let told = self.told.as_ref().filter(|told| told.what == *what);
        age >= told.map_or(self.after, |told| told.next)
    }
}

/// How often is looked.
pub(crate) fn interval(after: Duration) -> Duration {
    (after / 4).clamp(OFTEN, SELDOM)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AFTER: Duration = Duration::from_secs(60);

    /// At which seconds it is told of something that began at 0 and is looked at each second.
    fn told(seconds: u64) -> Vec<u64> {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        let at = |second| start + Duration::from_secs(second);
        let mut look = |second| lasting.look(Some(((), start)), at(second)).lasts.is_some();
        (0..seconds).filter(|second| look(*second)).collect()
    }

    #[test]
    fn what_lasts_is_told_once_and_then_with_growing_distance() {
        assert_eq!(told(1000), [60, 120, 240, 480, 960]);
    }

    #[test]
    fn what_was_told_is_told_to_be_over_once() {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        let nothing = Said {
            over: None,
            lasts: None,
        };
        assert_eq!(lasting.look(Some(("a", start)), start + AFTER / 2), nothing);
        assert_eq!(lasting.look(None, start + AFTER), nothing, "it was never told");
        let told = lasting.look(Some(("a", start)), start + AFTER);
        assert_eq!((told.over, told.lasts), (None, Some(AFTER)));
        let over = lasting.look(None, start + AFTER * 3);
        assert_eq!((over.over, over.lasts), (Some(("a", AFTER * 3)), None));
        assert_eq!(lasting.look(None, start + AFTER * 4), nothing);
    }

    #[test]
    fn another_one_is_told_when_the_first_is_over() {
        let (start, mut lasting) = (Instant::now(), Lasting::new(AFTER));
        lasting.look(Some(("a", start)), start + AFTER);
        let said = lasting.look(Some(("b", start + AFTER / 4)), start + AFTER * 2);
        assert_eq!(said.over, Some(("a", AFTER * 2)));
        assert_eq!(said.lasts, Some(AFTER * 2 - AFTER / 4));
    }

    #[test]
    fn it_looks_often_enough_and_not_too_often() {
        assert_eq!(interval(Duration::ZERO), OFTEN);
        assert_eq!(interval(Duration::from_secs(4)), Duration::from_secs(1));
        assert_eq!(interval(Duration::from_secs(3600)), SELDOM);
    }

    proptest! {
        /// However seldom is looked, each line tells of at least `after`, of at least twice the age of the line before, and
        /// everything that was told is told to be over.
        #[test]
        fn lines_are_far_apart_and_each_story_ends(
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
                let said = lasting.look((!nothing).then_some((number, since)), now);
                if let Some((over, _)) = said.over {
                    let told = open.take().map(|(told, _)| told);
                    prop_assert_eq!(told, Some(over));
                    prop_assert!(nothing || over != number);
                }
                if let Some(age) = said.lasts {
                    prop_assert!(age >= AFTER);
                    if let Some((told, before)) = open {
                        prop_assert_eq!(told, number);
                        prop_assert!(age >= before * 2);
                    }
                    open = Some((number, age));
                } else if let Some((told, _)) = open {
                    prop_assert!(!nothing && told == number);
                }
            }
        }
    }
}
