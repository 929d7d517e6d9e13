//! A shard's answer to a sample.

use tokio::time::Instant;

use super::Shard;
use crate::engine::watchdog::{Answers, Sample};

impl<S, F, M> Shard<S, F, M> {
    /// Reports what has been running longest, and why the requested records are unsettled.
    pub(super) fn answer_sample(&self, sample: &Sample) {
        let mut answers = Answers::default();
        for running in self.running.iter() {
            let since = running.since().into_std();
            answers.older += usize::from(sample.older_than.is_some_and(|then| since <= then));
            answers.runs(|| running.event(&self.link), since);
        }
        for record in &sample.records {
            if let Some(why) = self.why_unsettled(*record) {
                answers.found.push((*record, why));
            }
        }
        sample.answer(self.number, answers);
    }

    /// Why a record of this shard is unsettled.
    fn why_unsettled(&self, (assignment, offset): (u64, i64)) -> Option<String> {
        let is_it = |record: &crate::record::Record| {
            record.offset() == offset && record.assignment().id() == assignment
        };
        if let Some(running) = self.running.iter().find(|running| running.records().any(is_it)) {
            return Some(running.why(&self.link));
        }
        if let Some((at, work)) = self.waiting.queue().find(|(_, work)| is_it(&work.record)) {
            let wait = at.saturating_duration_since(Instant::now()).as_secs();
            let attempt = work.attempt;
            return Some(format!(
                "it failed and waits to be tried again: attempt {attempt} in {wait}s"
            ));
        }
        if self.held.iter().any(|work| is_it(&work.record)) {
            return Some(
                "its topic is held: too many of its records could not be handled (`dead_letter.on_limit`)"
                    .to_owned(),
            );
        }
        if self.handler_permits.iter().any(|work| is_it(&work.record)) {
            return Some(
                "it waits for its handler, which runs as many records as its own `max_in_flight` allows"
                    .to_owned(),
            );
        }
        if self.gathers.iter().any(|member| is_it(&member.record)) {
            return Some("it waits for its batch to be full or its linger to be over".to_owned());
        }
        if self.lanes.waiting().any(|work| is_it(&work.record)) {
            return Some("it waits for another record of its lane".to_owned());
        }
        let next = self.next.as_ref();
        let unread = next.is_some_and(|record| record.is_before(assignment, offset));
        let in_batches = || self.batches.iter().any(|batch| batch.has(0, assignment, offset));
        (unread || in_batches()).then(|| {
            if self.waiting.is_outage() {
                "it has not started, because too many others wait to be tried again (`retry.max_waiting`)"
                    .to_owned()
            } else {
                "it has not started: as many records run as `max_in_flight` allows".to_owned()
            }
        })
    }
}
