//! Which entries are delivered: all below a number, and ranges above it. Pure.

use std::collections::BTreeMap;

/// Delivered entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Delivered {
    below: u64,
    /// Half-open ranges above `below`, by their first number. They never touch.
    above: BTreeMap<u64, u64>,
}

impl Delivered {
    /// All numbers below this one are delivered.
    pub(crate) fn below(number: u64) -> Self {
        Self {
            below: number,
            above: BTreeMap::new(),
        }
    }

    /// The lowest number that is not delivered.
    pub(crate) fn watermark(&self) -> u64 {
        self.below
    }

    /// The ranges above the watermark.
    pub(crate) fn ranges(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.above.iter().map(|(from, to)| (*from, *to))
    }

    /// The number after the highest that is delivered.
    pub(crate) fn end(&self) -> u64 {
        self.above.last_key_value().map_or(self.below, |(_, to)| *to)
    }

    /// How many are delivered above the watermark.
    pub(crate) fn ahead(&self) -> u64 {
        self.ranges().map(|(from, to)| to - from).sum()
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        number < self.below
            || self
                .above
                .range(..=number)
                .next_back()
                .is_some_and(|(_, to)| number < *to)
    }

    /// Adds the numbers `from..to`. Returns how many are new.
    pub(crate) fn insert(&mut self, from: u64, to: u64) -> u64 {
        let (mut first, mut last) = (from.max(self.below), to);
        if first >= last {
            return 0;
        }
        let mut known = 0;
        let touching: Vec<(u64, u64)> = self
            .above
            .range(..=last)
            .rev()
            .take_while(|(_, end)| **end >= first)
            .map(|(begin, end)| (*begin, *end))
            .collect();
        for (begin, end) in touching {
            known += end.min(last).saturating_sub(begin.max(from));
            self.above.remove(&begin);
            first = first.min(begin);
            last = last.max(end);
        }
        let added = to - from.max(self.below) - known;
        if first == self.below {
            self.below = last;
        } else {
            self.above.insert(first, last);
        }
        added
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Delivered;

    proptest! {
        #[test]
        fn it_is_the_set_of_what_was_inserted(ranges in prop::collection::vec((0_u64..60, 1_u64..9), 0..30)) {
            let mut delivered = Delivered::default();
            let mut model = BTreeSet::new();
            for (from, len) in ranges {
                let new = (from..from + len).filter(|number| model.insert(*number)).count();
                prop_assert_eq!(delivered.insert(from, from + len), new as u64);
            }
            for number in 0..80 {
                prop_assert_eq!(delivered.contains(number), model.contains(&number));
            }
            let watermark = (0..).find(|number| !model.contains(number)).unwrap_or_default();
            prop_assert_eq!(delivered.watermark(), watermark);
            prop_assert_eq!(delivered.end(), model.last().map_or(0, |last| last + 1).max(watermark));
            prop_assert_eq!(delivered.ahead(), model.iter().filter(|number| **number > watermark).count() as u64);
            let touches = delivered.ranges().zip(delivered.ranges().skip(1)).any(|((_, to), (from, _))| to >= from);
            prop_assert!(!touches);
        }
    }
}
