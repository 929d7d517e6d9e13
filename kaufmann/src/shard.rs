//! A shard: one task that owns its lanes and runs their handlers.
//!
//! Records are read from the inbox only while a permit is held, so that every record that is started can run. A handler that
//! is ready at its first poll is finished right there; others stay in the shard until they are woken. A record whose lane is
//! busy waits behind it, copied out of its batch.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tracing::warn;

use crate::attempt::{Attempted, Exhausted, Finish, Retry, Start, event_name, handler_path, panicked};
use crate::context::{Context, State};
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
mod places;
mod routes;
mod running;
mod slots;
mod waiting;

use clock::Clock;
pub(crate) use inbox::{Inbox, Letter};
use permits::Permits;
use places::{Place, Places};
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
    /// What the last attempt left, for the next one.
    spare: Option<Context<S>>,
    letters: VecDeque<Letter>,
    /// The next record of the batch that is being read.
    next: Option<Record>,
    batches: VecDeque<Arc<Batch>>,
    lanes: Lanes<Work>,
    running: FuturesUnordered<Running<F>>,
    waiting: Waiting,
    places: Places,
    slots: Slots<F>,
    permits: Permits,
    routes: Routes,
    reports: Reports,
    clock: Clock,
    /// Surveys that were answered and whose limits are not set yet: nothing starts.
    holds: usize,
    /// Whether records are still to be given up that are beyond their assignment's limit.
    sweeping: bool,
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

impl Work {
    /// Whether the registry must answer before a handler is known.
    fn is_lookup(&self) -> bool {
        matches!(self.start, Start::Schema(_))
    }
}

/// What an attempt leaves to do.
enum Next {
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
    /// `make` begins an attempt at a record.
    pub(crate) fn new(link: Arc<Link>, inbox: Arc<Inbox>, state: State<S>, make: M) -> Self {
        Self {
            permits: Permits::new(Arc::clone(&link.permits)),
            reports: Reports::new(Arc::clone(&link.settlements)),
            routes: Routes::new(Arc::clone(&link.schemas)),
            waiting: Waiting::new(
                link.share_of(link.retry.max_waiting),
                link.share_of(link.retry.max_waiting_bytes),
            ),
            places: Places::new(&link.policies),
            link,
            inbox,
            state,
            make,
            spare: None,
            letters: VecDeque::new(),
            next: None,
            batches: VecDeque::new(),
            lanes: Lanes::default(),
            running: FuturesUnordered::new(),
            slots: Slots::new(),
            clock: Clock::new(),
            holds: 0,
            sweeping: false,
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
        for work in self
            .waiting
            .iter()
            .chain(self.places.iter().filter(|work| work.attempt > 1))
        {
            survey.failed(work.record.assignment(), work.record.offset());
        }
        self.reports.flush();
        survey.answered();
    }

    /// Gives up what waits and belongs to an assignment that ends. Records that are still in their batches are given up when
    /// they are reached.
    fn give_up_fenced(&mut self) {
        self.sweeping = true;
        let fenced = |work: &Work| work.record.assignment().is_fenced();
        let mut failed = self.waiting.take(fenced);
        failed.extend(self.places.take(|work| work.attempt > 1 && fenced(work)));
        for work in &failed {
            self.give_up(&work.record);
        }
        let held_back = self.places.take(|work| !work.record.may_start());
        for work in &held_back {
            self.reports.abandon(&work.record);
        }
        let reports = &mut self.reports;
        self.lanes.retain(|work| {
            let keep = work.record.may_start();
            if !keep {
                reports.abandon(&work.record);
            }
            keep
        });
        for work in failed.into_iter().chain(held_back) {
            self.lanes.release(work.record.lane());
        }
    }

    /// Polls what was woken. `true` if something ended.
    fn poll_running(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while !self.clock.is_over()
            && let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(cx)
        {
            progress = true;
            self.clock.step();
            let Ended { slot, work, result } = ended;
            self.slots.give_back(slot);
            let finish = self.finish_of(result);
            match self.finish(&work.record, work.attempt, finish) {
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
            self.permits.give_back();
        }
        progress
    }

    /// Goes on with a record whose attempt has ended, under the permit that it had.
    fn go_on(&mut self, work: Work) {
        match self.places.enter(&work.start) {
            Ok(place) => {
                let mut slot = self.slots.take();
                let cx = self.context(&work.record, work.attempt);
                slot.set(Some((self.make)(cx, work.start.clone())));
                self.push(slot, work, place);
            }
            Err(_) => {
                self.places.hold_back(work);
                self.permits.give_back();
            }
        }
    }

    /// Lets a handler run on beside others. It is polled in the next round, with a waker that finds it.
    fn push(&mut self, slot: slots::Slot<F>, work: Work, place: Place) {
        let timeout = match work.start {
            Start::Handler(handler, _) => self.link.policy(handler).and_then(|policy| policy.timeout),
            _ => None,
        };
        self.running.push(Running::new(slot, work, place, timeout));
    }

    /// Starts records to which a place of their handler's own was granted. `true` if there were some.
    fn poll_places(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.holds == 0 && self.places.is_ready(cx) && self.permits.hold(cx) {
            let Some((work, place)) = self.places.pop() else {
                break;
            };
            progress = true;
            if !self.run_in(place, &work.record, work.start, work.attempt) {
                self.lanes.release(work.record.lane());
            }
        }
        progress
    }

    /// Moves records whose back-off is over to the front. `true` if there were some.
    fn poll_waiting(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        // What is due is run at once, so it stays where it is until there is a permit.
        while self.holds == 0 && self.waiting.is_due(cx) && self.permits.hold(cx) {
            let Some(work) = self.waiting.pop() else { break };
            progress = true;
            if !self.run(&work.record, work.start, work.attempt) {
                self.lanes.release(work.record.lane());
            }
        }
        progress
    }

    /// Starts records while there are permits and time. `true` if something was started.
    fn start(&mut self, cx: &mut task::Context<'_>) -> bool {
        let mut progress = false;
        while self.holds == 0
            && self.has_records()
            && !self.clock.is_over()
            && self.may_begin()
            && self.permits.hold(cx)
        {
            progress = true;
            if let Some((lane, work)) = self.lanes.next() {
                if !work.record.may_start() {
                    self.reports.abandon(&work.record);
                    self.lanes.release(lane);
                } else if !self.run(&work.record, work.start, work.attempt) {
                    self.lanes.release(lane);
                }
            } else {
                self.start_next();
            }
        }
        progress
    }

    /// Whether records may begin: not in an outage, unless some of them are only to be given up.
    #[inline]
    fn may_begin(&self) -> bool {
        self.sweeping || !self.waiting.is_outage()
    }

    fn has_records(&self) -> bool {
        self.next.is_some() || !self.batches.is_empty() || self.lanes.has_ready()
    }

    /// Reads one record. It stays where it is: only who keeps it takes a reference to its batch.
    #[inline]
    fn start_next(&mut self) {
        let next = self.next.take();
        let Some(mut record) = next.or_else(|| Record::first(self.batches.pop_front()?)) else {
            return;
        };
        self.start_record(&mut record);
        self.next = record.successor();
    }

    /// Settles a record, queues it behind its lane, or runs it.
    #[inline]
    fn start_record(&mut self, record: &mut Record) {
        if !record.may_start() {
            return self.reports.abandon(record);
        }
        let Some(start) = self.route(record) else {
            return self.settle_unwanted(record);
        };
        let lane = record.lane();
        if self.lanes.is_busy(lane) {
            // Copied out, or one busy lane would keep many batches.
            let record = record.detached();
            self.lanes.queue(
                lane,
                Work {
                    record,
                    start,
                    attempt: 1,
                },
            );
        } else if self.run(record, start, 1) {
            self.lanes.occupy(lane);
        }
    }

    /// Finds where the datum begins, and who takes it: `None` if nobody wants the record.
    #[inline]
    fn route(&mut self, record: &mut Record) -> Option<Start> {
        match frame(record) {
            Ok(Some(Frame { schema, body })) => {
                record.set_body(body);
                match self.routes.of(schema, record) {
                    Some(Route::Handler(handler, plan)) => Some(Start::Handler(handler, plan)),
                    Some(Route::Unwanted) => None,
                    Some(Route::Undecodable(reason)) => Some(Start::Undecodable(reason)),
                    None => Some(Start::Schema(schema)),
                }
            }
            Ok(None) => match self.link.schemas.nameless() {
                Route::Handler(handler, plan) => Some(Start::Handler(handler, plan)),
                _ => None,
            },
            Err(unframed) => Some(Start::Undecodable(unframed.to_string().into())),
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
    fn run(&mut self, record: &Record, start: Start, attempt: u32) -> bool {
        match self.places.enter(&start) {
            Ok(place) => self.run_in(place, record, start, attempt),
            Err(_) => {
                let record = record.detached();
                self.places.hold_back(Work {
                    record,
                    start,
                    attempt,
                });
                true
            }
        }
    }

    #[inline]
    fn run_in(&mut self, place: Place, record: &Record, start: Start, attempt: u32) -> bool {
        self.clock.step();
        let mut slot = self.slots.take();
        let cx = self.context(record, attempt);
        slot.set(Some((self.make)(cx, start.clone())));
        match slots::poll(&mut slot, &mut task::Context::from_waker(Waker::noop())) {
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
                    place,
                );
                true
            }
            Poll::Ready(result) => {
                self.slots.give_back(slot);
                let result = result.map_err(|panic| panicked(&start, &*panic));
                let finish = self.finish_of(result);
                match self.finish(record, attempt, finish) {
                    Next::Done => false,
                    Next::Waits => true,
                    Next::GoOn(start, attempt) => self.run(record, start, attempt),
                }
            }
        }
    }

    #[inline]
    fn context(&mut self, record: &Record, attempt: u32) -> Context<S> {
        match self.spare.take() {
            Some(mut cx) => {
                cx.renew(record, attempt);
                cx
            }
            None => Context::new(self.state.clone(), record.clone(), attempt),
        }
    }

    /// How an attempt ended; one that was cut short left nothing.
    #[inline]
    fn finish_of(&mut self, result: Result<Attempted<S>, Finish>) -> Finish {
        result.map_or_else(
            |finish| finish,
            |Attempted { finish, cx }| {
                self.spare = Some(cx);
                finish
            },
        )
    }

    /// Deals with the end of an attempt.
    #[inline]
    fn finish(&mut self, record: &Record, attempt: u32, finish: Finish) -> Next {
        match finish {
            Finish::Settled => {
                self.waiting.succeeded();
                self.reports.settle(record);
            }
            Finish::Handed => self.waiting.succeeded(),
            Finish::Unhandled => {}
            // The look-up may have outlived the assignment; the handler itself has not begun.
            Finish::Found(..) if !record.may_start() => self.give_up(record),
            Finish::Found(handler, plan) => return Next::GoOn(Start::Handler(handler, plan), 1),
            Finish::Retry(retry) => return self.try_again(record, attempt, *retry),
            Finish::Fatal => self.give_up(record),
        }
        Next::Done
    }

    /// Gives up a record that was started and failed. What stands behind it must not overtake it, and need not run either:
    /// nothing behind it can be committed.
    fn give_up(&mut self, record: &Record) {
        record.assignment().fence(record.offset() - 1);
        self.reports.abandon(record);
    }

    #[cold]
    fn try_again(&mut self, record: &Record, attempt: u32, retry: Retry) -> Next {
        if record.assignment().is_fenced() {
            self.give_up(record);
            return Next::Done;
        }
        self.waiting.failed();
        if let Some(handler) = retry.handler {
            let is_last = self
                .link
                .policy(handler)
                .is_some_and(|policy| policy.is_last(attempt));
            let is_crowded = self.waiting.is_full() && !self.waiting.is_outage();
            if is_last || is_crowded {
                let exhausted = Exhausted {
                    class: retry.class,
                    error: retry.error,
                    handler: retry.handler,
                    cut_short: !is_last,
                };
                return Next::GoOn(Start::Exhausted(Arc::new(exhausted)), attempt);
            }
        }
        let delay = retry
            .after
            .unwrap_or_else(|| back_off(&self.link.retry, attempt, crate::chance::fraction()));
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

impl<S, F, M> Future for Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let shard = self.get_mut();
        shard.inbox.register(cx.waker());
        shard.clock.begin();
        loop {
            shard.read_letters();
            if shard.ended {
                shard.reports.flush();
                return Poll::Ready(());
            }
            let progress =
                shard.poll_running(cx) | shard.poll_waiting(cx) | shard.poll_places(cx) | shard.start(cx);
            if !progress {
                break;
            }
            if shard.clock.is_over() {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let idle = !shard.has_records() && shard.waiting.is_empty() && shard.places.is_empty();
        shard.sweeping &= shard.has_records();
        if idle {
            // It would keep the last batch.
            shard.spare = None;
        }
        shard.permits.rest(idle);
        shard.reports.flush();
        Poll::Pending
    }
}
