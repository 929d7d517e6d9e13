//! A shard: one task that owns its lanes and runs their handlers.
//!
//! The shard starts a record only while it holds a permit, so every record that is started can run. A handler that is ready at its
//! first poll finishes inline; others stay in the shard until they are woken. A record whose lane is busy waits in that lane,
//! copied out of its batch.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use futures_util::stream::FuturesUnordered;

use crate::base::panics::catch;
use crate::base::sync;
use crate::config::Delivery;
use crate::engine::attempt::{Attempted, Start};
use crate::engine::fence::Barrier;
use crate::engine::lanes::Lanes;
use crate::engine::link::Link;
use crate::engine::settle::Reports;
use crate::handler::context::{Context, State};
use crate::record::{Batch, Record};

mod inbox;

mod begin;
mod broken;
mod end;

mod batch;
mod gather;

mod clock;
pub(crate) mod current;
mod handler_permits;
mod permits;
mod routes;
mod running;
mod sample;
mod slots;
mod waiting;

use clock::Clock;
use gather::Gathers;
use handler_permits::HandlerPermits;
pub(crate) use inbox::{Command, Inbox};
use permits::Permits;
use routes::Routes;
use running::Running;
use slots::Slots;
use waiting::Waiting;

/// The state of one shard, which is a future that a task runs.
pub(crate) struct Shard<S, F, M> {
    /// From 0.
    number: usize,
    link: Arc<Link>,
    inbox: Arc<Inbox>,
    state: State<S>,
    make: M,
    /// The context of the last attempt, reused for the next one.
    idle_context: Option<Context<S>>,
    commands: VecDeque<Command>,
    /// The next record of the current batch.
    next: Option<Record>,
    batches: VecDeque<Arc<Batch>>,
    /// How many records are in `next` and `batches`.
    unread: usize,
    lanes: Lanes<Work>,
    running: FuturesUnordered<Running<F>>,
    waiting: Waiting,
    /// Records whose topic is held, until it is read again. The poller's bounds on what is read limit their number.
    held: Waiting,
    handler_permits: HandlerPermits,
    gathers: Gathers,
    slots: Slots<F>,
    permits: Permits,
    routes: Routes,
    reports: Reports,
    clock: Clock,
    /// Barriers that were answered and whose limits are not set yet: nothing starts meanwhile.
    barriers: usize,
    /// Whether there may be unread records beyond their assignment's limit, which must be given up.
    sweeping: bool,
    /// Whether it panicked.
    broken: bool,
    ended: bool,
}

/// A record that waits for an attempt.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) record: Record,
    pub(crate) start: Start,
    /// From 1.
    pub(crate) attempt: u32,
}

impl Work {
    /// Whether its handler is unknown until the registry answers.
    fn is_lookup(&self) -> bool {
        self.start.is_look_up()
    }
}

impl<S, F, M> Shard<S, F, M>
where
    F: Future<Output = Attempted<S>>,
    M: Fn(Context<S>, Start) -> F,
{
    /// `make` creates the future of an attempt at a record.
    pub(crate) fn new(number: usize, link: Arc<Link>, inbox: Arc<Inbox>, state: State<S>, make: M) -> Self {
        Self {
            number,
            permits: Permits::new(Arc::clone(&link.permits), number),
            reports: Reports::new(Arc::clone(&link.settlements), link.commits_ahead),
            routes: Routes::new(Arc::clone(&link.schemas)),
            waiting: Waiting::new(
                link.share_of(link.retry.max_waiting),
                link.share_of(link.retry.max_waiting_bytes),
            ),
            held: Waiting::new(usize::MAX, usize::MAX),
            handler_permits: HandlerPermits::new(&link.policies, number),
            gathers: Gathers::new(&link.policies),
            link,
            inbox,
            state,
            make,
            idle_context: None,
            commands: VecDeque::new(),
            next: None,
            batches: VecDeque::new(),
            unread: 0,
            lanes: Lanes::default(),
            running: FuturesUnordered::new(),
            slots: Slots::new(),
            clock: Clock::new(),
            barriers: 0,
            sweeping: false,
            broken: false,
            ended: false,
        }
    }

    /// Reads the commands, and runs what can run until nothing is left or the time slice is over.
    fn round(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        if self.broken {
            return self.broken_round(cx);
        }
        self.inbox.register(cx.waker());
        self.clock.begin();
        loop {
            self.read_commands();
            if self.ended {
                self.reports.flush();
                return Poll::Ready(());
            }
            let progress = self.poll_running(cx)
                | self.poll_waiting(cx)
                | self.poll_held(cx)
                | self.poll_handler_permits(cx)
                | self.start(cx);
            // Last, so that a batch gets every record that is available.
            let progress = self.poll_gathers(cx) | progress;
            if !progress {
                break;
            }
            if self.clock.is_over() {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let idle = !self.has_records()
            && self.waiting.is_empty()
            && self.held.is_empty()
            && self.handler_permits.is_empty()
            && self.gathers.is_empty();
        self.sweeping &= self.has_records();
        if idle {
            // It keeps the last batch in memory.
            self.idle_context = None;
        }
        self.permits.rest(self.wants());
        self.reports.flush();
        Poll::Pending
    }

    /// How many permits the shard could use at most: unread records may belong to busy lanes.
    #[inline]
    fn wants(&self) -> usize {
        self.unread + self.lanes.ready()
    }

    /// Holds a permit; if none is free, the task is woken when the shard gets one.
    #[inline]
    fn hold(&mut self, cx: &mut task::Context<'_>) -> bool {
        self.permits.hold(self.wants(), cx)
    }

    /// Gives back the permit of a pending handler that ended.
    fn give_back(&self) {
        self.permits.give_back(self.wants());
    }

    fn read_commands(&mut self) {
        self.inbox.take(&mut self.commands);
        while let Some(command) = self.commands.pop_front() {
            match command {
                Command::Batch(batch) => {
                    self.unread += batch.entries().len();
                    self.batches.push_back(batch);
                }
                Command::Pause(barrier) => self.answer_barrier(&barrier),
                Command::Resume => {
                    self.barriers -= 1;
                    self.give_up_fenced();
                }
                Command::Fenced => self.give_up_fenced(),
                Command::Sample(sample) => self.answer_sample(&sample),
                Command::Report(sender) => {
                    let lines = self.running.iter().map(|running| running.describe(&self.link));
                    _ = sender.send((self.number, lines.collect()));
                }
                Command::End => self.ended = true,
            }
        }
    }

    /// Reports what has been started. Nothing starts before the limits are set.
    fn answer_barrier(&mut self, barrier: &Barrier) {
        self.barriers += 1;
        for running in self.running.iter() {
            for record in running.records() {
                barrier.running(record.assignment(), record.offset());
            }
        }
        for work in self
            .waiting
            .iter()
            .chain(self.held.iter())
            .chain(self.handler_permits.iter().filter(|work| work.attempt > 1))
        {
            barrier.failed(work.record.assignment(), work.record.offset());
        }
        self.reports.flush();
        barrier.answered();
    }

    /// Gives up the waiting records of assignments that end. Records that are still in their batches are given up when they are
    /// read.
    fn give_up_fenced(&mut self) {
        self.sweeping = true;
        self.give_up_gathered();
        let delivery = self.link.delivery;
        let ended = |work: &Work| has_ended(delivery, &work.record);
        let mut failed = self.waiting.take(ended);
        failed.extend(self.held.take(ended));
        failed.extend(self.handler_permits.take(|work| work.attempt > 1 && ended(work)));
        for work in &failed {
            self.give_up(&work.record);
        }
        let held_back = self.handler_permits.take(|work| !work.record.may_start());
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
}

/// Whether a record that failed must not be retried, because its assignment ends. With at-most-once delivery, records up to the
/// limit are committed, so no other instance would handle them: they are still retried here.
fn has_ended(delivery: Delivery, record: &Record) -> bool {
    match delivery {
        Delivery::AtLeastOnce | Delivery::ExactlyOnce => record.assignment().is_fenced(),
        Delivery::AtMostOnce => !record.may_start(),
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
        match catch(|| shard.round(cx)) {
            Ok(poll) => poll,
            Err(panic) => {
                shard.break_down(&panic, cx);
                Poll::Pending
            }
        }
    }
}
