//! Limits on the records of a partition that cannot be handled, beyond which the service stops. Pure: no clock, no I/O.
//!
//! Only failed offsets are noted: a record between two that failed was handled, is unwanted, or has not ended yet. So handled
//! records cost nothing, and the order in which failures are reported does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::limits::changed;
use crate::config::{DeadLetterConfig, OnLimit};

/// The limits of a service. Failures of a handler with its own limits are counted separately from other failures in a partition.
#[derive(Debug)]
pub(crate) struct Rules {
    common: Rule,
    topics: BTreeMap<String, Rule>,
    handlers: BTreeMap<String, Rule>,
}

/// A limit, and what happens when it is exceeded.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Rule {
    pub(crate) limit: Limit,
    pub(crate) on_limit: OnLimit,
}

impl Rules {
    pub(crate) fn new(config: &DeadLetterConfig) -> Self {
        let rule = |config: &DeadLetterConfig| Rule {
            limit: Limit::new(config),
            on_limit: config.on_limit,
        };
        let own = |(name, table): (&String, &BTreeMap<String, String>)| {
            (name.clone(), rule(&changed(config, table).0))
        };
        Self {
            common: rule(config),
            topics: config.topics.iter().map(own).collect(),
            handlers: config.handlers.iter().map(own).collect(),
        }
    }

    /// The rule for a failure, and the handler if its failures are counted separately.
    pub(crate) fn of<'h>(&self, topic: &str, handler: Option<&'h str>) -> (Option<&'h str>, Rule) {
        if let Some(path) = handler
            && let Some(rule) = self.handlers.get(path)
        {
            return (handler, *rule);
        }
        (None, self.topics.get(topic).copied().unwrap_or(self.common))
    }

    /// Whether a topic may be held.
    pub(crate) fn may_hold(&self) -> bool {
        let own = self.topics.values().chain(self.handlers.values());
        std::iter::once(&self.common)
            .chain(own)
            .any(|rule| rule.on_limit == OnLimit::HoldTopic)
    }
}

/// How many offsets of a partition may fail.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Limit {
    window: i64,
    /// How many offsets of a window may fail.
    max_failed: usize,
    /// How many neighbouring offsets may fail.
    max_consecutive: usize,
}

/// The offsets of one assignment that could not be handled, within the window.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    offsets: BTreeSet<i64>,
}

/// The limit that is exceeded, and the failures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Excess {
    /// Too many of the offsets of a window.
    Share { failed: usize, window: i64 },
    /// Too many consecutive offsets: from the first to the last one.
    Consecutive { first: i64, last: i64 },
}

impl Limit {
    pub(crate) fn new(config: &DeadLetterConfig) -> Self {
        let window = config.window.max(1);
        // A share of 1 is never exceeded, as no more than all offsets can fail.
        let max_failed = (f64::from(window) * config.max_share.clamp(0.0, 1.0)) as usize;
        Self {
            window: i64::from(window),
            max_failed,
            max_consecutive: match config.max_consecutive {
                0 => usize::MAX,
                count => count as usize,
            },
        }
    }
}

impl Failures {
    /// Notes an offset that could not be handled; returns the excess if that exceeds a limit.
    pub(crate) fn note(&mut self, limit: &Limit, offset: i64) -> Option<Excess> {
        self.offsets.insert(offset);
        let highest = self.offsets.last().copied()?;
        let kept = limit.kept();
        while self.offsets.first().is_some_and(|first| highest - first >= kept) {
            self.offsets.pop_first();
        }
        let (first, last) = self.neighbours(offset)?;
        if (last - first) as usize >= limit.max_consecutive {
            return Some(Excess::Consecutive { first, last });
        }
        let failed = self.offsets.range(highest - limit.window + 1..).count();
        (failed > limit.max_failed).then_some(Excess::Share {
            failed,
            window: limit.window,
        })
    }

    /// Removes an offset that is tried again: it does not count until it fails again.
    pub(crate) fn forget(&mut self, offset: i64) {
        self.offsets.remove(&offset);
    }

    /// The first and the last of the consecutive failed offsets around this one; `None` if it is below the window.
    fn neighbours(&self, offset: i64) -> Option<(i64, i64)> {
        if !self.offsets.contains(&offset) {
            return None;
        }
        let (mut first, mut last) = (offset, offset);
        while self.offsets.contains(&(first - 1)) {
            first -= 1;
        }
        while self.offsets.contains(&(last + 1)) {
            last += 1;
        }
        Some((first, last))
    }
}

impl Limit {
    /// How far back offsets are kept: as far as one of the limits needs.
    fn kept(&self) -> i64 {
        match self.max_consecutive {
            usize::MAX => self.window,
            count => self.window.max(count as i64 + 1),
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { failed, window } => write!(
                f,
                "{failed} of the last {window} offsets could not be handled, more than `dead_letter.max_share` allows"
            ),
            Self::Consecutive { first, last } => write!(
                f,
                "all offsets from {first} to {last} could not be handled, more than `dead_letter.max_consecutive` allows"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(window: u32, max_share: f64, max_consecutive: u32) -> Limit {
        Limit::new(&DeadLetterConfig {
            window,
            max_share,
            max_consecutive,
            ..DeadLetterConfig::default()
        })
    }

    /// Whether any of these failures, noted in their order, exceeds the limit.
    fn is_exceeded(limit: &Limit, offsets: &[i64]) -> bool {
        let mut failures = Failures::default();
        offsets
            .iter()
            .any(|offset| failures.note(limit, *offset).is_some())
    }

    /// The largest number of failures in any window, and the longest run, counted one by one.
    fn worst(offsets: &BTreeSet<i64>, window: i64) -> (usize, usize) {
        let in_window = |end: &i64| offsets.range(end - window + 1..=*end).count();
        let run = |start: &i64| (0..).take_while(|step| offsets.contains(&(start + step))).count();
        (
            offsets.iter().map(in_window).max().unwrap_or(0),
            offsets.iter().map(run).max().unwrap_or(0),
        )
    }

    #[test]
    fn the_defaults_stop_at_a_hundred_and_one_in_a_row() {
        let limit = Limit::new(&DeadLetterConfig::default());
        let row: Vec<i64> = (0..101).collect();
        assert!(!is_exceeded(&limit, &row[..100]));
        assert!(is_exceeded(&limit, &row));
    }

    #[test]
    fn every_second_one_is_not_more_than_half_and_two_of_three_are() {
        let limit = limit(100, 0.5, 0);
        assert!(!is_exceeded(
            &limit,
            &(0..1000).filter(|n| n % 2 == 0).collect::<Vec<_>>()
        ));
        assert!(is_exceeded(
            &limit,
            &(0..1000).filter(|n| n % 3 != 0).collect::<Vec<_>>()
        ));
    }

    #[test]
    fn a_topic_and_a_handler_may_have_limits_of_their_own() {
        let mut config = DeadLetterConfig::default();
        let table = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        config
            .topics
            .insert("shop".to_owned(), table("on_limit", "hold_topic"));
        config
            .handlers
            .insert("a::b".to_owned(), table("max_consecutive", "7"));
        let rules = Rules::new(&config);
        let common = Limit::new(&config);
        let rule = |topic, handler| {
            let (counted, rule) = rules.of(topic, handler);
            (counted, rule.limit == common, rule.on_limit)
        };
        assert_eq!(rule("other", Some("a::c")), (None, true, OnLimit::Stop));
        assert_eq!(rule("shop", None), (None, true, OnLimit::HoldTopic));
        assert_eq!(rule("shop", Some("a::b")), (Some("a::b"), false, OnLimit::Stop));
        assert!(rules.may_hold() && !Rules::new(&DeadLetterConfig::default()).may_hold());
    }

    #[test]
    fn an_offset_that_is_tried_again_counts_when_it_fails_again() {
        let limit = limit(10, 1.0, 2);
        let mut failures = Failures::default();
        let mut fails = |offset| failures.note(&limit, offset).is_some();
        assert!(!fails(1) && !fails(2) && fails(3));
        failures.forget(3);
        let mut fails = |offset| failures.note(&limit, offset).is_some();
        assert!(!fails(4) && fails(3));
    }

    #[test]
    fn limits_that_are_off_are_never_exceeded() {
        assert!(!is_exceeded(&limit(10, 1.0, 0), &(0..1000).collect::<Vec<_>>()));
    }

    proptest! {
        #[test]
        fn failures_within_the_limits_never_exceed_them_in_any_order(
            offsets in prop::collection::btree_set(0..400i64, 0..120), order in any::<u64>(),
            window in 1..100u32, share in 0.0..1.0f64, consecutive in 1..20u32,
        ) {
            let limit = limit(window, share, consecutive);
            let (most, run) = worst(&offsets, i64::from(window));
            prop_assume!(most <= limit.max_failed && run <= limit.max_consecutive);
            prop_assert!(!is_exceeded(&limit, &shuffled(&offsets, order)));
        }

        #[test]
        fn failures_beyond_a_limit_are_found_in_the_order_of_offsets(
            offsets in prop::collection::btree_set(0..400i64, 0..120),
            window in 1..100u32, share in 0.0..1.0f64, consecutive in 1..20u32,
        ) {
            let limit = limit(window, share, consecutive);
            let (most, run) = worst(&offsets, i64::from(window));
            let breaks = most > limit.max_failed || run > limit.max_consecutive;
            prop_assert_eq!(is_exceeded(&limit, &offsets.iter().copied().collect::<Vec<_>>()), breaks);
        }

        #[test]
        fn failures_beyond_a_limit_are_found_in_any_order_within_one_window(
            offsets in prop::collection::btree_set(0..50i64, 0..50), order in any::<u64>(),
            share in 0.0..1.0f64, consecutive in 1..20u32,
        ) {
            let limit = limit(50, share, consecutive);
            let (most, run) = worst(&offsets, 50);
            let breaks = most > limit.max_failed || run > limit.max_consecutive;
            prop_assert_eq!(is_exceeded(&limit, &shuffled(&offsets, order)), breaks);
        }

        #[test]
        fn no_more_offsets_are_kept_than_the_limits_need(offsets in prop::collection::vec(any::<i32>(), 0..500)) {
            let limit = limit(20, 0.5, 30);
            let mut failures = Failures::default();
            for offset in offsets {
                failures.note(&limit, i64::from(offset));
                prop_assert!(failures.offsets.len() <= 31);
            }
        }
    }

    fn shuffled(offsets: &BTreeSet<i64>, order: u64) -> Vec<i64> {
        let mut list: Vec<i64> = offsets.iter().copied().collect();
        list.sort_by_key(|offset| (*offset as u64 ^ order).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        list
    }
}
