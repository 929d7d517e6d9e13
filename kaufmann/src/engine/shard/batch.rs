//! Batches: records are gathered, run together, and finished one by one.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::task;
use std::time::Duration;

use super::end::Next;
use super::{Shard, Work};
use crate::assignment::lane::UNORDERED;
use crate::engine::attempt::{
    Attempted, BatchFinish, Conclusion, End, MemberEnd, Start, WithoutHandler, observe_done,
};
use crate::handler::context::Context;
use crate::handler::gathered::{Gathered, Member};
use crate::handler::outcome::OutcomeKind;
use crate::record::Record;

/// A lane that had records in a batch, while the batch is finished.
#[derive(Default)]
struct Lane {
    /// Whether one of its records waits for its next attempt.
    waits: bool,
    /// The records that are handled after that one.
    followers: Vec<Work>,
}

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// Adds a record to its handler's batch, and the records that wait in its lane for the same handler. Returns the batch if it is
    /// full. The lane is busy from now on. A retried record is a batch of its own, because it may be the one that made the others fail.
    pub(super) fn gather(&mut self, record: &Record, start: &Start, attempt: u32) -> Option<Arc<Gathered>> {
        let Start::Handler(handler, plan) = start else {
            return None;
        };
        let mut record = record.detached();
        record.set_plan(plan.clone());
        let lane = record.lane();
        self.lanes.occupy(lane);
        if attempt > 1 {
            return Some(Gathered::new(*handler, vec![Member { record, attempt }]));
        }
        let hurry = record.assignment().is_fenced();
        let mut full = self.gathers.push(*handler, Member { record, attempt }, hurry);
        let fits = |work: &Work| {
            work.attempt == 1 && matches!(work.start, Start::Handler(other, _) if other == *handler)
        };
        while full.is_none()
            && let Some(Work {
                mut record, start, ..
            }) = self.lanes.next_if(lane, fits)
        {
            if !record.may_start() {
                self.reports.abandon(&record);
            } else if let Start::Handler(_, plan) = start {
                record.set_plan(plan);
                full = self.gathers.push(*handler, Member { record, attempt }, hurry);
            }
        }
        full
    }

    /// Starts batches that are due. `true` if there were some.
    pub(super) fn poll_gathers(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.barriers == 0 && self.may_begin() && self.gathers.is_due(cx) && self.hold(cx) {
            let Some(batch) = self.gathers.pop() else { break };
            self.permits.take();
            self.launch(batch);
            progress = true;
        }
        progress
    }

    /// Runs a batch, under a permit of its own.
    pub(super) fn launch(&mut self, batch: Arc<Gathered>) {
        let Some(Member { record, attempt }) = batch.members.first() else {
            return self.give_back();
        };
        let (record, attempt) = (record.clone(), *attempt);
        self.continue_with(Work {
            record,
            start: Start::Batch(batch),
            attempt,
        });
    }

    /// Does what the end of an attempt at a batch requires. It holds a permit, and gives it back when the batch is over.
    pub(super) fn finish_batch(&mut self, record: Record, attempt: u32, finish: BatchFinish) {
        let (batch, ends) = match finish {
            BatchFinish::Concluded(batch, ends) => (batch, ends),
            BatchFinish::Handled(batch, outcomes)
                if outcomes
                    .iter()
                    .any(|outcome| !matches!(outcome.0, OutcomeKind::Done)) =>
            {
                let conclusion = Arc::new(Conclusion::new(batch, outcomes));
                return self.continue_with(Work {
                    record,
                    start: WithoutHandler::Conclude(conclusion).into(),
                    attempt,
                });
            }
            BatchFinish::Handled(batch, _) => {
                for member in &batch.members {
                    observe_done(&self.link, batch.handler, member);
                }
                let settled = batch.members.iter().map(|_| MemberEnd::Record(End::Settled));
                let settled = settled.collect();
                (batch, settled)
            }
        };
        self.end_members(&batch, ends);
        self.give_back();
    }

    fn end_members(&mut self, batch: &Gathered, ends: Vec<MemberEnd>) {
        let mut lanes: HashMap<u64, Lane> = HashMap::new();
        // A batch counts as one failure: unless too many wait already, all its records may wait.
        let fits = !self.is_crowded();
        for (member, end) in batch.members.iter().zip(ends) {
            let Member { record, attempt } = member;
            let lane = lanes.entry(record.lane()).or_default();
            let is_behind = record.lane() != UNORDERED && (lane.waits || !lane.followers.is_empty());
            let end = match end {
                MemberEnd::Record(end) if !is_behind => end,
                end => {
                    lane.followers.push(self.follower(batch.handler, member, end));
                    continue;
                }
            };
            let next = match end {
                End::Retry(retry) => self.try_again(record, *attempt, *retry, fits),
                end => self.end(record, *attempt, end),
            };
            lane.waits |= !matches!(next, Next::Done);
            if let Next::Continue(start, attempt) = next {
                let record = record.clone();
                self.waiting.insert(
                    Work {
                        record,
                        start,
                        attempt,
                    },
                    Duration::ZERO,
                );
            }
        }
        for (lane, Lane { waits, followers }) in lanes {
            if !followers.is_empty() {
                self.lanes.queue_first(lane, followers);
            }
            if !waits {
                self.lanes.release(lane);
            }
        }
    }

    /// Returns a record that is handled again after another one of its lane.
    fn follower(&self, handler: u32, member: &Member, end: MemberEnd) -> Work {
        let Member { record, attempt } = member;
        let (start, attempt) = match end {
            MemberEnd::Record(End::Retry(retry)) if self.is_last(handler, *attempt) => {
                let exhausted = Arc::new(retry.exhausted(false));
                (WithoutHandler::Exhausted(exhausted).into(), *attempt)
            }
            MemberEnd::Record(End::Retry(retry)) => (retry.start, attempt + 1),
            _ => (Start::Handler(handler, record.plan().cloned()), *attempt),
        };
        Work {
            record: record.clone(),
            start,
            attempt,
        }
    }

    /// Gives up gathered records beyond their assignment's limit, and makes the remaining ones due.
    pub(super) fn give_up_gathered(&mut self) {
        for (member, last) in self.gathers.retain(|member| member.record.may_start()) {
            self.reports.abandon(&member.record);
            if last {
                self.lanes.release(member.record.lane());
            }
        }
        self.gathers.hurry();
        let beyond = |work: &Work| match &work.start {
            Start::Batch(batch) => batch.members.iter().any(|member| !member.record.may_start()),
            _ => false,
        };
        for work in self.handler_permits.take(beyond) {
            self.shrink_batch(work);
        }
    }

    /// Removes records beyond their assignment's limit from a batch that waits for a permit, and gives them up.
    fn shrink_batch(&mut self, work: Work) {
        let Start::Batch(batch) = work.start else { return };
        let (kept, gone): (Vec<_>, Vec<_>) = batch
            .members
            .iter()
            .cloned()
            .partition(|member| member.record.may_start());
        let mut busy: std::collections::HashSet<u64> =
            kept.iter().map(|member| member.record.lane()).collect();
        for member in gone {
            self.reports.abandon(&member.record);
            if busy.insert(member.record.lane()) {
                self.lanes.release(member.record.lane());
            }
        }
        if let Some(Member { record, attempt }) = kept.first() {
            let (record, attempt) = (record.clone(), *attempt);
            self.handler_permits.queue(Work {
                record,
                start: Start::Batch(Gathered::new(batch.handler, kept)),
                attempt,
            });
        }
    }
}
