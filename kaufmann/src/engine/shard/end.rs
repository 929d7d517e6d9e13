//! What happens to a record when an attempt at it has ended.

use std::future::Future;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::stream::StreamExt;
use tracing::warn;

use super::handler_permits::Wait;
use super::running::{CutShort, Ended};
use super::{Shard, Work, has_ended};
use crate::config::Delivery;
use crate::config::back_off::back_off;
use crate::engine::attempt::{
    Attempted, End, Finish, Retry, Start, WithoutHandler, event_name, handler_path, panicked, timed_out,
};
use crate::handler::context::Context;
use crate::record::Record;

/// What follows an attempt.
pub(super) enum Next {
    /// Nothing: the record is done, and its lane is free.
    Done,
    /// The record waits for its next attempt; its lane stays busy.
    Waits,
    /// The record continues at once, with this start and attempt: its handler was found, or its attempts are exhausted.
    Continue(Start, u32),
}

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// Polls the handlers that were woken. `true` if one ended.
    pub(super) fn poll_running(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while !self.clock.is_over()
            && let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(cx)
        {
            progress = true;
            self.clock.step();
            let Ended { slot, work, result } = ended;
            self.slots.give_back(slot);
            let end = match self.finish_of(&work.record, &work.start, work.attempt, result) {
                Finish::Record(end) => end,
                Finish::Batch(finish) => {
                    self.finish_batch(work.record, work.attempt, *finish);
                    continue;
                }
            };
            match self.end(&work.record, work.attempt, end) {
                Next::Continue(start, attempt) => {
                    let record = work.record;
                    self.continue_with(Work {
                        record,
                        start,
                        attempt,
                    });
                    continue;
                }
                Next::Done => self.lanes.release(work.record.lane()),
                Next::Waits => {}
            }
            self.give_back();
        }
        progress
    }

    /// Continues with a record whose attempt has ended, under the permit that it had.
    pub(super) fn continue_with(&mut self, work: Work) {
        match self.handler_permits.enter(&work.start) {
            Ok(permit) => self.run_later(work, permit),
            Err(Wait::Batch) => match self.gather(&work.record, &work.start, work.attempt) {
                Some(batch) => self.launch(batch),
                None => self.give_back(),
            },
            Err(Wait::HandlerPermit) => {
                self.handler_permits.queue(work);
                self.give_back();
            }
        }
    }

    /// Returns how an attempt finished, also if it panicked or timed out.
    #[inline]
    pub(super) fn finish_of(
        &mut self,
        record: &Record,
        start: &Start,
        attempt: u32,
        result: Result<Attempted<S>, CutShort>,
    ) -> Finish {
        match result {
            Ok(Attempted { finish, cx }) => {
                self.idle_context = Some(cx);
                finish
            }
            Err(CutShort::TimedOut(timeout)) => timed_out(start, timeout),
            Err(CutShort::Panicked(panic)) => panicked(&self.link, start, record, attempt, &panic),
        }
    }

    /// Does what the end of an attempt requires.
    #[inline]
    pub(super) fn end(&mut self, record: &Record, attempt: u32, end: End) -> Next {
        match end {
            End::Settled => {
                self.waiting.succeeded();
                self.reports.settle_handled(record);
            }
            End::Handed => self.waiting.succeeded(),
            End::Unhandled => {}
            // The assignment may have ended during the look-up; the handler has not started.
            End::Found(..) if !record.may_start() => self.give_up(record),
            End::Found(handler, plan) => {
                let attempt = self.link.outbound.retries().first_attempt(record);
                return Next::Continue(Start::Handler(handler, plan), attempt);
            }
            End::Retry(retry) => return self.try_again(record, attempt, *retry, false),
            End::Held(start) => return self.try_held_again(record, attempt, *start),
            End::Fatal => self.give_up(record),
        }
        Next::Done
    }

    /// Gives up a record that was started and failed. Later records must not overtake it, and need not run: no offset after it can
    /// be committed. With at-most-once delivery they do run: everything is committed, so a record that does not run is lost.
    pub(super) fn give_up(&mut self, record: &Record) {
        if self.link.delivery != Delivery::AtMostOnce {
            record.assignment().fence(record.offset() - 1);
        }
        self.reports.give_up(record);
    }

    /// Whether so many records wait that a handler's next failure counts as its last.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.is_full() && !self.waiting.is_outage()
    }

    /// Whether a failure of this attempt is the handler's last.
    pub(super) fn is_last(&self, handler: u32, attempt: u32) -> bool {
        let policy = self.link.policy(handler);
        policy.is_some_and(|policy| policy.is_last(attempt))
    }

    /// Lets a record wait until its topic is read again.
    #[cold]
    fn try_held_again(&mut self, record: &Record, attempt: u32, start: Start) -> Next {
        if has_ended(self.link.delivery, record) {
            self.give_up(record);
            return Next::Done;
        }
        let rest = self.held_for(record).unwrap_or_default();
        let lane = record.lane();
        let work = Work {
            record: record.detached(),
            start,
            attempt: attempt.saturating_add(1),
        };
        self.held.insert(work, rest);
        self.lanes.occupy(lane);
        Next::Waits
    }

    /// How much longer the topic of a record is held; `None` if the record need not wait.
    #[inline]
    pub(super) fn held_for(&self, record: &Record) -> Option<Duration> {
        let hold = record.assignment().hold().filter(|hold| hold.is_active())?;
        if self.link.delivery == Delivery::AtMostOnce {
            // It is committed already, so it must start.
            return None;
        }
        hold.rest(tokio::time::Instant::now().into_std())
    }

    /// Lets a record wait for its next attempt, or gives it up. `fits`: it may wait however many wait already.
    #[cold]
    pub(super) fn try_again(&mut self, record: &Record, attempt: u32, retry: Retry, fits: bool) -> Next {
        let is_final = self.link.delivery == Delivery::AtMostOnce && retry.handler.is_some();
        if !is_final && has_ended(self.link.delivery, record) {
            self.give_up(record);
            return Next::Done;
        }
        self.waiting.failed();
        if let Some(handler) = retry.handler {
            let is_last = self.is_last(handler, attempt);
            if is_last || (!fits && self.is_crowded()) {
                let exhausted = retry.exhausted(!is_last);
                return Next::Continue(WithoutHandler::Exhausted(Arc::new(exhausted)).into(), attempt);
            }
        }
        let own = retry.handler.and_then(|handler| self.link.policy(handler));
        let waits = own.map_or(&self.link.retry, |policy| &policy.retry);
        let delay = retry
            .after
            .unwrap_or_else(|| back_off(waits, attempt, crate::base::jitter::fraction()));
        warn!(
            handler = retry.handler.and_then(|handler| handler_path(&self.link, handler)),
            %record,
            attempt,
            ?delay,
            error = retry.error,
            "trying again"
        );
        if let Some(observer) = &self.link.observer {
            let event = retry.handler.and_then(|handler| event_name(&self.link, handler));
            observer.retrying(record, event, attempt, delay, &retry.error);
        }
        let lane = record.lane();
        let work = Work {
            record: record.detached(),
            start: retry.start,
            attempt: attempt.saturating_add(1),
        };
        self.waiting.insert(work, delay);
        self.lanes.occupy(lane);
        Next::Waits
    }
}
