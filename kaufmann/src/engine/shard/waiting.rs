//! Records whose back-off is not over.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::Work;

/// Records by the time of their next attempt, with one timer for the earliest, and bounds on their number and bytes.
#[derive(Debug)]
pub(super) struct Waiting {
    queue: BTreeMap<(Instant, u64), Work>,
    inserted: u64,
    timer: Pin<Box<Sleep>>,
    bytes: usize,
    max_records: usize,
    max_bytes: usize,
    /// Failures since the last success.
    failures_in_a_row: usize,
    /// How many wait for the registry. They are never given up, so others cannot take their capacity.
    lookups: usize,
}

impl Waiting {
    /// Must be called within a runtime, whose clock it uses.
    pub(super) fn new(max_records: usize, max_bytes: usize) -> Self {
        Self {
            queue: BTreeMap::new(),
            inserted: 0,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            bytes: 0,
            max_records,
            max_bytes,
            failures_in_a_row: 0,
            lookups: 0,
        }
    }

    pub(super) fn insert(&mut self, work: Work, delay: Duration) {
        self.inserted += 1;
        self.bytes += work.record.size();
        self.lookups += usize::from(work.is_lookup());
        self.queue.insert((Instant::now() + delay, self.inserted), work);
    }

    /// Counts a failure of a handler, or a registry that did not answer.
    pub(super) fn failed(&mut self) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
    }

    /// Resets the count of failures: a handler succeeded.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// Whether no more records should wait.
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() >= self.max_records || self.bytes >= self.max_bytes
    }

    /// Whether something that all records need is unavailable, so no further record may start: no more records should wait, and either
    /// as many failed in a row as wait, or at least half of them wait for the registry.
    #[inline]
    pub(super) fn is_outage(&self) -> bool {
        !self.queue.is_empty()
            && self.is_full()
            && (self.failures_in_a_row >= self.queue.len() || self.lookups * 2 >= self.queue.len())
    }

    /// Whether a record is due; if not, the task is woken when one is.
    pub(super) fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((&(at, _), _)) = self.queue.first_key_value() else {
            return false;
        };
        if at <= Instant::now() {
            return true;
        }
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx) == Poll::Ready(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns all records.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Work> {
        self.queue.values()
    }

    /// Returns all records with the times of their next attempts.
    pub(super) fn queue(&self) -> impl Iterator<Item = (Instant, &Work)> {
        self.queue.iter().map(|(&(at, _), work)| (at, work))
    }

    /// Takes the earliest record.
    pub(super) fn pop(&mut self) -> Option<Work> {
        let (_, work) = self.queue.pop_first()?;
        self.bytes -= work.record.size();
        self.lookups -= usize::from(work.is_lookup());
        Some(work)
    }

    /// Removes and returns the records for which `pick` is true.
    pub(super) fn take(&mut self, pick: impl Fn(&Work) -> bool) -> Vec<Work> {
        let taken: Vec<Work> = self
            .queue
            .extract_if(.., |_, work| pick(work))
            .map(|(_, work)| work)
            .collect();
        self.lookups -= taken.iter().filter(|work| work.is_lookup()).count();
        self.bytes -= taken.iter().map(|work| work.record.size()).sum::<usize>();
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::attempt::{Start, WithoutHandler};
    use crate::record::wire::SchemaKey;
    use crate::record::{RawRecord, Record};

    const HOUR: Duration = Duration::from_secs(3600);

    fn work(offset: i64, padding: usize, lookup: bool) -> Work {
        let record = Record::of(&RawRecord {
            offset,
            timestamp: None,
            key: None,
            payload: Some(&vec![0; padding]),
            headers: &[],
        });
        let start = if lookup {
            WithoutHandler::LookUp(SchemaKey::Id(1), 0).into()
        } else {
            Start::Handler(0, None)
        };
        Work {
            record,
            start,
            attempt: 1,
        }
    }

    /// The waiting records in a list: when one is due, its offset, its bytes, and whether it is a look-up.
    type Model = Vec<(u64, i64, usize, bool)>;

    proptest! {
        /// Records are inserted, popped, and removed when their assignment ends, in any order.
        #[test]
        fn it_agrees_with_a_sorted_list_and_knows_when_it_is_full(
            steps in prop::collection::vec((0..4u8, 0..3_000usize, 1..50u64, any::<bool>()), 1..80),
            max_records in 1..12usize, max_bytes in 1..12_000usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _entered = runtime.enter();
            let mut waiting = Waiting::new(max_records, max_bytes);
            let mut model = Model::new();
            for (offset, (step, padding, hours, lookup)) in (0..).zip(steps) {
                match step {
                    0 => {
                        let taken = waiting.pop().map(|work| work.record.offset());
                        let expected = (!model.is_empty()).then(|| model.remove(0).1);
                        prop_assert_eq!(taken, expected);
                    }
                    1 => {
                        let even = |offset: i64| offset % 2 == 0;
                        let taken = waiting.take(|work| even(work.record.offset()));
                        let taken: Vec<_> = taken.iter().map(|work| work.record.offset()).collect();
                        let expected: Vec<_> = model.extract_if(.., |own| even(own.1)).map(|own| own.1).collect();
                        prop_assert_eq!(taken, expected);
                    }
                    _ => {
                        let work = work(offset, padding, lookup);
                        model.push((hours, offset, work.record.size(), lookup));
                        model.sort_unstable();
                        waiting.insert(work, HOUR * hours as u32);
                    }
                }
                let bytes: usize = model.iter().map(|own| own.2).sum();
                let lookups = model.iter().filter(|own| own.3).count();
                prop_assert_eq!((waiting.bytes, waiting.lookups), (bytes, lookups));
                prop_assert_eq!(waiting.is_empty(), model.is_empty());
                prop_assert_eq!(waiting.is_full(), model.len() >= max_records || bytes >= max_bytes);
                let order: Vec<_> = waiting.iter().map(|work| work.record.offset()).collect();
                prop_assert_eq!(order, model.iter().map(|own| own.1).collect::<Vec<_>>());
            }
        }
    }
}
