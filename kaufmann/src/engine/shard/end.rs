//! What becomes of a record when an attempt at it has ended.

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

/// What an attempt leaves to do.
pub(super) enum Next {
    /// Nothing: the record is done, and its lane is free.
    Done,
    /// The record waits to be tried again; its lane stays busy.
    Waits,
    /// It goes on at once: its handler was found, or given up.
    GoOn(Start, u32),
}

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// Polls what was woken. `true` if something ended.
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
                Next::GoOn(start, attempt) => {
                    let record = work.record;
                    self.go_on(Work {
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

    /// Goes on with a record whose attempt has ended, under the permit that it had.
    pub(super) fn go_on(&mut self, work: Work) {
        match self.handler_permits.enter(&work.start) {
            Ok(permit) => self.run_beside(work, permit),
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

    /// How an attempt ended; one that was cut short left nothing.
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
            // The look-up may have outlived the assignment; the handler itself has not begun.
            End::Found(..) if !record.may_start() => self.give_up(record),
            End::Found(handler, plan) => {
                let attempt = self.link.outbound.retries().first_attempt(record);
                return Next::GoOn(Start::Handler(handler, plan), attempt);
            }
            End::Retry(retry) => return self.try_again(record, attempt, *retry, false),
            End::Held(start) => return self.try_held_again(record, attempt, *start),
            End::Fatal => self.give_up(record),
        }
        Next::Done
    }

    /// Gives up a record that was started and failed. What stands behind it must not overtake it, and need not run either:
    /// nothing behind it can be committed. At most once, everything is committed, and what does not run is lost.
    pub(super) fn give_up(&mut self, record: &Record) {
        if self.link.delivery != Delivery::AtMostOnce {
            record.assignment().fence(record.offset() - 1);
        }
        self.reports.give_up(record);
    }

    /// Whether so many wait that the next failure is the last one.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.is_full() && !self.waiting.is_outage()
    }

    /// Whether a failure of this attempt is the last one.
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

    /// How much longer the topic of a record is held, if records wait for that.
    #[inline]
    pub(super) fn held_for(&self, record: &Record) -> Option<Duration> {
        let hold = record.assignment().hold().filter(|hold| hold.is_active())?;
        if self.link.delivery == Delivery::AtMostOnce {
            // What is committed must begin.
            return None;
        }
        hold.rest(tokio::time::Instant::now().into_std())
    }

    /// Lets a record wait to be tried again, or gives it up. `fits`: it may wait whatever waits already.
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
                return Next::GoOn(WithoutHandler::Exhausted(Arc::new(exhausted)).into(), attempt);
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
