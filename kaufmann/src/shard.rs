//! A shard: one task that owns its lanes and runs their handlers.
//!
//! Records are read from the inbox only while a permit is held, so that every record that is started can run. A handler that
//! is ready at its first poll is finished right there; others stay in the shard until they are woken. A record whose lane is
//! busy waits behind it, copied out of its batch.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tracing::warn;

use crate::attempt::{Finish, Retry, Start, event_name, panicked};
use crate::context::State;
use crate::fence::Survey;
use crate::lanes::Lanes;
use crate::link::Link;
use crate::observer::Settled;
use crate::record::{Batch, Record};
use crate::retry::back_off;
use crate::schemas::Route;
use crate::settle::Reports;
use crate::wire::{Frame, frame};

mod clock;
mod inbox;
mod permits;
mod routes;
mod running;
mod slots;
mod waiting;

use clock::Clock;
pub(crate) use inbox::{Inbox, Letter};
use permits::Permits;
use routes::Routes;
use running::{Ended, Running};
use slots::Slots;
use waiting::Waiting;

/// One task's part of the work.
pub(crate) struct Shard<S, F, M> {
    link: Arc<Link>,
    inbox: Arc<Inbox>,
    state: State<S>,
    make: M,
    letters: VecDeque<Letter>,
    /// The batch that is being read, and its next record.
    batch: Option<(Arc<Batch>, u32)>,
    batches: VecDeque<Arc<Batch>>,
    lanes: Lanes<Work>,
    running: FuturesUnordered<Running<F>>,
    waiting: Waiting<Work>,
    slots: Slots<F>,
    permits: Permits,
    routes: Routes,
    reports: Reports,
    clock: Clock,
    /// Surveys that were answered and whose limits are not set yet: nothing starts.
    holds: usize,
    ended: bool,
}

/// A record that is to be tried.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) record: Record,
    pub(crate) start: Start,
    /// From 1.
    pub(crate) attempt: u32,
}

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Finish>,
    M: Fn(State<S>, Start, Record, u32) -> F,
{
    /// `make` begins an attempt at a record.
    pub(crate) fn new(link: Arc<Link>, inbox: Arc<Inbox>, state: State<S>, make: M) -> Self {
        Self {
            permits: Permits::new(Arc::clone(&link.permits)),
            reports: Reports::new(Arc::clone(&link.settlements)),
            routes: Routes::new(Arc::clone(&link.schemas)),
            link,
            inbox,
            state,
            make,
            letters: VecDeque::new(),
            batch: None,
            batches: VecDeque::new(),
            lanes: Lanes::default(),
            running: FuturesUnordered::new(),
            waiting: Waiting::new(),
            slots: Slots::new(),
            clock: Clock::new(),
            holds: 0,
            ended: false,
        }
    }

    fn read_letters(&mut self) {
        self.inbox.take(&mut self.letters);
        while let Some(letter) = self.letters.pop_front() {
            match letter {
                Letter::Batch(batch) => self.batches.push_back(batch),
                Letter::Hold(survey) => self.answer(&survey),
                Letter::Resume => {
                    self.holds -= 1;
                    self.give_up_fenced();
                }
                Letter::Fenced => self.give_up_fenced(),
                Letter::Report(sender) => {
                    for running in self.running.iter() {
                        _ = sender.send(running.describe(&self.link));
                    }
                }
                Letter::End => self.ended = true,
            }
        }
    }

    /// Says what has been started, and starts nothing before the limits are set.
    fn answer(&mut self, survey: &Survey) {
        self.holds += 1;
        for running in self.running.iter() {
            if let Some(record) = running.record() {
                survey.running(record.assignment(), record.offset());
            }
        }
        for work in self.waiting.iter() {
            survey.failed(work.record.assignment(), work.record.offset());
        }
        self.reports.flush();
        survey.answered();
    }

    /// Gives up what waits and belongs to an assignment that ends. Records that are still in their batches are given up when
    /// they are reached.
    fn give_up_fenced(&mut self) {
        let failed = self.waiting.take(|work| work.record.assignment().is_fenced());
        for work in &failed {
            self.give_up(&work.record);
        }
        let reports = &mut self.reports;
        self.lanes.retain(|work| {
            let keep = work.record.may_start();
            if !keep {
                reports.abandon(&work.record);
            }
            keep
        });
        for work in failed {
            self.lanes.release(work.record.lane());
        }
    }

    /// Polls what was woken. `true` if something ended.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while !self.clock.is_over()
            && let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(cx)
        {
            progress = true;
            self.clock.step();
            let Ended { slot, work, finish } = ended;
            self.slots.give_back(slot);
            self.permits.give_back();
            let lane = work.record.lane();
            if self.finish(work, finish) {
                self.lanes.release(lane);
            }
        }
        progress
    }

    /// Moves records whose back-off is over to the front. `true` if there were some.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        // What is due is run at once, so it stays where it is until there is a permit.
        while self.holds == 0 && self.waiting.is_due(cx) && self.permits.hold(cx) {
            let Some(work) = self.waiting.pop() else { break };
            progress = true;
            let lane = work.record.lane();
            if !self.run(work) {
                self.lanes.release(lane);
            }
        }
        progress
    }

    /// Starts records while there are permits and time. `true` if something was started.
    fn start(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.holds == 0 && self.has_records() && !self.clock.is_over() && self.permits.hold(cx) {
            progress = true;
            if let Some((lane, work)) = self.lanes.next() {
                if !work.record.may_start() {
                    self.reports.abandon(&work.record);
                    self.lanes.release(lane);
                } else if !self.run(work) {
                    self.lanes.release(lane);
                }
            } else {
                self.start_next();
            }
        }
        progress
    }

    fn has_records(&self) -> bool {
        self.batch.is_some() || !self.batches.is_empty() || self.lanes.has_ready()
    }

    /// Reads one record: it is settled, queued behind its lane, or run.
    #[inline]
    fn start_next(&mut self) {
        let Some(record) = self.next_record() else { return };
        if !record.may_start() {
            self.reports.abandon(&record);
            return;
        }
        let (record, start) = match self.route(record) {
            Ok(found) => found,
            Err(unwanted) => return self.settle_unwanted(&unwanted),
        };
        let lane = record.lane();
        if self.lanes.is_busy(lane) {
            // Copied out, or one busy lane would keep many batches.
            self.lanes.queue(
                lane,
                Work {
                    record: record.detached(),
                    start,
                    attempt: 1,
                },
            );
        } else if self.run(Work {
            record,
            start,
            attempt: 1,
        }) {
            self.lanes.occupy(lane);
        }
    }

    #[inline]
    fn next_record(&mut self) -> Option<Record> {
        loop {
            let (batch, next) = match &mut self.batch {
                Some(reading) => reading,
                None => self.batch.insert((self.batches.pop_front()?, 0)),
            };
            let index = *next;
            if (index as usize) < batch.entries().len() {
                *next += 1;
                return Some(Record::new(Arc::clone(batch), index));
            }
            self.batch = None;
        }
    }

    /// Finds who takes the record; `Err` gives one back that nobody wants.
    #[inline]
    fn route(&mut self, record: Record) -> Result<(Record, Start), Record> {
        match frame(&record) {
            Ok(Some(Frame { schema, body })) => {
                let record = record.with_body(body);
                match self.routes.of(schema, &record) {
                    Some(Route::Handler(handler, plan)) => Ok((record, Start::Handler(handler, plan))),
                    Some(Route::Unwanted) => Err(record),
                    Some(Route::Undecodable(reason)) => Ok((record, Start::Undecodable(reason))),
                    None => Ok((record, Start::Schema(schema))),
                }
            }
            Ok(None) => match self.link.schemas.nameless() {
                Route::Handler(handler, plan) => Ok((record, Start::Handler(handler, plan))),
                _ => Err(record),
            },
            Err(unframed) => Ok((record, Start::Undecodable(unframed.to_string().into()))),
        }
    }

    fn settle_unwanted(&mut self, record: &Record) {
        if let Some(observer) = &self.link.observer {
            observer.settled(record, None, Settled::Unwanted);
        }
        self.reports.settle(record);
    }

    /// Runs a record's handler as far as it goes at once, under the permit that is held. `true` if its lane stays busy.
    #[inline]
    fn run(&mut self, work: Work) -> bool {
        self.clock.step();
        let Work {
            record,
            start,
            attempt,
        } = work;
        let future = (self.make)(self.state.clone(), start.clone(), record.clone(), attempt);
        let mut slot = self.slots.fill(future);
        let polled = slots::poll(&mut slot, &mut Context::from_waker(Waker::noop()));
        let work = Work {
            record,
            start,
            attempt,
        };
        match polled {
            Poll::Pending => {
                self.permits.take();
                // It is polled again in the next round, with a waker that finds it.
                self.running.push(Running::new(slot, work));
                true
            }
            Poll::Ready(result) => {
                self.slots.give_back(slot);
                let finish = result.unwrap_or_else(|panic| panicked(&work.start, &*panic));
                !self.finish(work, finish)
            }
        }
    }

    /// Deals with the end of an attempt. `false` if the record will be tried again, and its lane stays busy.
    #[inline]
    fn finish(&mut self, work: Work, finish: Finish) -> bool {
        match finish {
            Finish::Settled => self.reports.settle(&work.record),
            Finish::Handed => {}
            Finish::Retry(retry) => return self.try_again(work, *retry),
            Finish::Fatal => self.give_up(&work.record),
        }
        true
    }

    /// Gives up a record that was started and failed. What stands behind it must not overtake it, and need not run either:
    /// nothing behind it can be committed.
    fn give_up(&mut self, record: &Record) {
        record.assignment().fence(record.offset() - 1);
        self.reports.abandon(record);
    }

    #[cold]
    fn try_again(&mut self, work: Work, retry: Retry) -> bool {
        let Work { record, attempt, .. } = work;
        if record.assignment().is_fenced() {
            self.give_up(&record);
            return true;
        }
        let delay = retry
            .after
            .unwrap_or_else(|| back_off(&self.link.retry, attempt, crate::chance::fraction()));
        let handler = retry
            .handler
            .and_then(|handler| self.link.handlers.get(handler as usize));
        warn!(
            handler = handler.map(|entry| entry.path),
            ?record,
            attempt,
            ?delay,
            error = retry.error,
            "trying again"
        );
        if let Some(observer) = &self.link.observer {
            let event = retry.handler.and_then(|handler| event_name(&self.link, handler));
            observer.retrying(&record, event, attempt, delay, &retry.error);
        }
        let lane = record.lane();
        let work = Work {
            record: record.detached(),
            start: retry.start,
            attempt: attempt.saturating_add(1),
        };
        self.waiting.insert(work, delay);
        self.lanes.occupy(lane);
        false
    }
}

impl<S, F, M> Future for Shard<S, F, M>
where
    F: Future<Output = Finish>,
    M: Fn(State<S>, Start, Record, u32) -> F + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shard = self.get_mut();
        shard.inbox.register(cx.waker());
        shard.clock.begin();
        loop {
            shard.read_letters();
            if shard.ended {
                shard.reports.flush();
                return Poll::Ready(());
            }
            let progress = shard.poll_running(cx) | shard.poll_waiting(cx) | shard.start(cx);
            if !progress {
                break;
            }
            if shard.clock.is_over() {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let idle = !shard.has_records() && shard.waiting.is_empty();
        shard.permits.rest(idle);
        shard.reports.flush();
        Poll::Pending
    }
}
