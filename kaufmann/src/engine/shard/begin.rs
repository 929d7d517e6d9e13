//! Starts records: those of the batches, of the lanes, and those that waited.

use std::future::Future;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use super::end::Next;
use super::handler_permits::{HandlerPermit, Wait};
use super::running::{CutShort, Running};
use super::{Shard, Work, slots};
use crate::engine::attempt::{Attempted, Finish, Start, WithoutHandler};
use crate::handler::context::Context;
use crate::handler::observer::Settled;
use crate::record::Record;
use crate::record::names::TYPE;
use crate::record::wire::{Frame, frame};
use crate::schema::writers::Route;

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// Starts records that got a permit of their handler. `true` if there were some.
    pub(super) fn poll_handler_permits(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.barriers == 0 && self.handler_permits.is_ready(cx) && self.hold(cx) {
            let Some((work, permit)) = self.handler_permits.pop() else {
                break;
            };
            progress = true;
            if let Start::Batch(_) = work.start {
                self.permits.take();
                self.run_later(work, permit);
            } else if !self.run_in(permit, &work.record, work.start, work.attempt) {
                self.lanes.release(work.record.lane());
            }
        }
        progress
    }

    /// Starts records whose back-off is over. `true` if there were some.
    pub(super) fn poll_waiting(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        // A due record stays queued until there is a permit, because it runs as soon as it is taken out.
        while self.barriers == 0 && self.waiting.is_due(cx) && self.hold(cx) {
            let Some(work) = self.waiting.pop() else { break };
            progress = true;
            if !self.run(&work.record, work.start, work.attempt) {
                self.lanes.release(work.record.lane());
            }
        }
        progress
    }

    /// Starts records whose topic is read again. `true` if there were some.
    pub(super) fn poll_held(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.barriers == 0 && self.held.is_due(cx) && self.hold(cx) {
            let Some(work) = self.held.pop() else { break };
            progress = true;
            if let Some(rest) = self.held_for(&work.record) {
                self.held.insert(work, rest);
            } else if !self.run(&work.record, work.start, work.attempt) {
                self.lanes.release(work.record.lane());
            }
        }
        progress
    }

    /// Starts records while there are permits and time. `true` if there were some.
    pub(super) fn start(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.barriers == 0
            && self.has_records()
            && !self.clock.is_over()
            && self.may_begin()
            && self.hold(cx)
        {
            progress = true;
            if let Some((lane, work)) = self.lanes.next(self.has_unread()) {
                if !work.record.may_start() {
                    self.reports.abandon(&work.record);
                    self.lanes.release(lane);
                } else if let Some(rest) = self.held_for(&work.record) {
                    self.held.insert(work, rest);
                } else if !self.run(&work.record, work.start, work.attempt) {
                    self.lanes.release(lane);
                }
            } else {
                self.start_next();
            }
        }
        progress
    }

    /// Whether records may start: not in an outage, unless some of them must be given up.
    #[inline]
    pub(super) fn may_begin(&self) -> bool {
        self.sweeping || !self.waiting.is_outage()
    }

    pub(super) fn has_records(&self) -> bool {
        self.has_unread() || self.lanes.has_ready()
    }

    /// Whether there are records that were neither started nor queued in their lane.
    #[inline]
    fn has_unread(&self) -> bool {
        self.unread > 0
    }

    /// Reads one record and starts it. It is not copied: only code that keeps it takes a reference to its batch.
    #[inline]
    fn start_next(&mut self) {
        let next = self.next.take();
        let Some(mut record) = next.or_else(|| Record::first(self.batches.pop_front()?)) else {
            return;
        };
        self.unread -= 1;
        self.start_record(&mut record);
        self.next = record.successor();
    }

    /// Settles a record, queues it in its lane, or runs it.
    #[inline]
    fn start_record(&mut self, record: &mut Record) {
        if !record.may_start() {
            return self.reports.abandon(record);
        }
        let Some(start) = self.route(record) else {
            return self.settle_unwanted(record);
        };
        let attempt = match start {
            Start::Handler(..) => self.link.outbound.retries().first_attempt(record),
            _ => 1,
        };
        let lane = record.lane();
        if self.lanes.is_busy(lane) {
            if self.gathers.joins(&start, lane) && !self.lanes.has_waiting(lane) {
                self.run(record, start, attempt);
                return;
            }
            // Copied out, so that a busy lane does not keep many batches in memory.
            let record = record.detached();
            self.lanes.queue(
                lane,
                Work {
                    record,
                    start,
                    attempt,
                },
            );
        } else if let Some(rest) = self.held_for(record) {
            let record = record.detached();
            self.lanes.occupy(lane);
            self.held.insert(
                Work {
                    record,
                    start,
                    attempt,
                },
                rest,
            );
        } else {
            self.lanes.turn();
            if self.run(record, start, attempt) {
                self.lanes.occupy(lane);
            }
        }
    }

    /// Finds where the record's datum begins and which handler takes it; `None` if no handler does.
    #[inline]
    fn route(&mut self, record: &mut Record) -> Option<Start> {
        match frame(record) {
            Ok(Some(Frame { schema, body })) => {
                record.set_body(body);
                match self.routes.of(schema, record) {
                    Some(Route::Handler(handler, plan)) => Some(Start::Handler(handler, plan)),
                    Some(Route::Unwanted) => {
                        self.routes.count_unwanted(Some(schema), record);
                        None
                    }
                    Some(Route::Undecodable(reason)) => Some(WithoutHandler::Undecodable(reason).into()),
                    None => Some(WithoutHandler::LookUp(schema, 0).into()),
                }
            }
            Ok(None) => self.route_tombstone(record),
            Err(unframed) => Some(WithoutHandler::Undecodable(unframed.to_string().into()).into()),
        }
    }

    /// Finds the handler of a tombstone, which has neither a schema nor a name in its payload.
    #[cold]
    fn route_tombstone(&self, record: &Record) -> Option<Start> {
        let origin = record.origin();
        let topic = origin
            .as_ref()
            .map_or(record.topic(), |origin| &origin.place.topic);
        match self.link.tombstones.route(record.header(TYPE), topic) {
            Route::Handler(handler, plan) => Some(Start::Handler(handler, plan)),
            Route::Undecodable(reason) => Some(WithoutHandler::Undecodable(reason).into()),
            Route::Unwanted => {
                self.routes.count_unwanted(None, record);
                None
            }
        }
    }

    fn settle_unwanted(&mut self, record: &Record) {
        self.link.observe(record, None, Settled::Unwanted);
        self.reports.settle(record);
    }

    /// Runs a record's handler until it first waits, under the permit that is held. `true` if its lane stays busy.
    #[inline]
    pub(super) fn run(&mut self, record: &Record, start: Start, attempt: u32) -> bool {
        self.reports.begin(record);
        match self.handler_permits.enter(&start) {
            Ok(permit) => self.run_in(permit, record, start, attempt),
            Err(Wait::Batch) => {
                if let Some(batch) = self.gather(record, &start, attempt) {
                    self.permits.take();
                    self.launch(batch);
                }
                true
            }
            Err(Wait::HandlerPermit) => {
                let record = record.detached();
                self.handler_permits.queue(Work {
                    record,
                    start,
                    attempt,
                });
                true
            }
        }
    }

    #[inline]
    fn run_in(&mut self, permit: HandlerPermit, record: &Record, start: Start, attempt: u32) -> bool {
        self.clock.step();
        let mut slot = self.slots.take();
        let cx = self.context(record, attempt);
        slot.set(Some((self.make)(cx, start.clone())));
        self.inbox.current.enter(record, start.concerns(), attempt);
        let polled = slots::poll(&mut slot, &mut task::Context::from_waker(Waker::noop()));
        self.inbox.current.leave();
        match polled {
            Poll::Pending => {
                self.permits.take();
                let record = record.clone();
                self.push(
                    slot,
                    Work {
                        record,
                        start,
                        attempt,
                    },
                    permit,
                );
                true
            }
            Poll::Ready(result) => {
                self.slots.give_back(slot);
                let result = result.map_err(CutShort::Panicked);
                match self.finish_of(record, &start, attempt, result) {
                    Finish::Record(end) => match self.end(record, attempt, end) {
                        Next::Done => false,
                        Next::Waits => true,
                        Next::Continue(start, attempt) => self.run(record, start, attempt),
                    },
                    Finish::Batch(finish) => {
                        self.permits.take();
                        self.finish_batch(record.clone(), attempt, *finish);
                        true
                    }
                }
            }
        }
    }

    /// Starts an attempt that is first polled in the next round, under a permit of its own.
    pub(super) fn run_later(&mut self, work: Work, permit: HandlerPermit) {
        let mut slot = self.slots.take();
        let cx = self.context(&work.record, work.attempt);
        slot.set(Some((self.make)(cx, work.start.clone())));
        self.push(slot, work, permit);
    }

    /// Adds a handler to the running ones. It is polled in the next round, with a waker of its own.
    pub(super) fn push(&mut self, slot: slots::Slot<F>, work: Work, permit: HandlerPermit) {
        let policy = work.start.handler().and_then(|handler| self.link.policy(handler));
        let timeout = policy.and_then(|policy| policy.timeout);
        let inbox = Arc::clone(&self.inbox);
        self.running
            .push(Running::new(slot, work, permit, timeout, inbox));
    }

    #[inline]
    pub(super) fn context(&mut self, record: &Record, attempt: u32) -> Context<S> {
        match self.idle_context.take() {
            Some(mut cx) => {
                cx.renew(record, attempt);
                cx
            }
            None => Context::new(self.state.clone(), record.clone(), attempt),
        }
    }
}
