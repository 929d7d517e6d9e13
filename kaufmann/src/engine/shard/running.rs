//! Pending handlers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::handler_permits::HandlerPermit;
use super::slots::{self, Slot};
use super::{Inbox, Work};
use crate::base::panics::Panic;
use crate::engine::attempt::{Start, WithoutHandler, event_name, handler_path};
use crate::engine::link::Link;
use crate::engine::watchdog::{Age, Event, shortened};
use crate::record::Record;
use crate::schema::writers::Route;

/// A pending handler with the record it runs on.
pub(super) struct Running<F> {
    inside: Option<(Slot<F>, Work)>,
    /// Held while it runs.
    _permit: HandlerPermit,
    since: Instant,
    deadline: Option<Deadline>,
    /// For [`Inbox::current`], which is set while it is polled.
    inbox: Arc<Inbox>,
}

/// When a handler times out.
struct Deadline {
    timer: Pin<Box<Sleep>>,
    timeout: Duration,
}

/// A pending handler that ended.
pub(super) struct Ended<F: Future> {
    pub(super) slot: Slot<F>,
    pub(super) work: Work,
    /// What its future returned, or how it was cut short.
    pub(super) result: Result<F::Output, CutShort>,
}

/// Why a handler did not return.
pub(super) enum CutShort {
    Panicked(Panic),
    /// It took longer than this timeout.
    TimedOut(Duration),
}

impl<F> Running<F> {
    /// `timeout` is the handler's, if it has one.
    pub(super) fn new(
        slot: Slot<F>,
        work: Work,
        permit: HandlerPermit,
        timeout: Option<Duration>,
        inbox: Arc<Inbox>,
    ) -> Self {
        Self {
            inside: Some((slot, work)),
            _permit: permit,
            since: Instant::now(),
            deadline: timeout.map(|timeout| Deadline {
                timer: Box::pin(tokio::time::sleep(timeout)),
                timeout,
            }),
            inbox,
        }
    }

    /// The records it runs on.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        let work = self.inside.as_ref().map(|(_, work)| work);
        let batch = work.and_then(|work| work.start.batch());
        let members = batch.map_or(&[][..], |batch| &batch.members);
        let others = members.iter().skip(1).map(|member| &member.record);
        work.map(|work| &work.record).into_iter().chain(others)
    }

    /// When it started to wait.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// `user.create of orders/3@17 (key k1), attempt 2, running for 12s`
    pub(super) fn describe(&self, link: &Link) -> String {
        let event = self.event(link);
        event.map_or_else(String::new, |event| event.describe(self.since.elapsed()))
    }

    /// The event that runs.
    pub(super) fn event(&self, link: &Link) -> Option<Event> {
        let (
            _,
            Work {
                record,
                start,
                attempt,
            },
        ) = self.inside.as_ref()?;
        Some(Event {
            id: (record.assignment().id(), record.offset(), *attempt),
            since: self.since.into_std(),
            name: event_of(link, start, record),
            handler: start.concerns().and_then(|handler| handler_path(link, handler)),
            key: record.key().map(shortened),
            record: match start.batch().map_or(0, |batch| batch.members.len() - 1) {
                0 => record.to_string(),
                others => format!("{record} and {others} more"),
            },
        })
    }

    /// Why its record is unsettled.
    pub(super) fn why(&self, link: &Link) -> String {
        let start = self.inside.as_ref().map(|(_, work)| &work.start);
        let what = match start {
            Some(start) if start.is_look_up() => "it has waited for its writer's schema".to_owned(),
            Some(start) if start.handler().is_some() => {
                let path = start.handler().and_then(|handler| handler_path(link, handler));
                format!("`{}` has been running", path.unwrap_or("a handler"))
            }
            _ => "it has waited for the publication of its dead letter or error event".to_owned(),
        };
        format!("{what} for {}", Age(self.since.elapsed()))
    }
}

/// Returns the event's name, also for a record whose schema was unknown when it started.
fn event_of(link: &Link, start: &Start, record: &Record) -> Option<&'static str> {
    match start {
        Start::WithoutHandler(WithoutHandler::LookUp(key, _)) => {
            match link.schemas.route(&*link.schemas.known(*key)?, record) {
                Route::Handler(handler, _) => event_name(link, handler),
                Route::Unwanted | Route::Undecodable(_) => None,
            }
        }
        other => event_name(link, other.concerns()?),
    }
}

impl<F: Future> Future for Running<F> {
    type Output = Ended<F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<F>> {
        let own = &mut *self;
        let Some((slot, work)) = &mut own.inside else {
            return Poll::Pending;
        };
        own.inbox
            .current
            .enter(&work.record, work.start.concerns(), work.attempt);
        let result = slots::poll(slot, cx);
        own.inbox.current.leave();
        let late = match &mut self.deadline {
            Some(deadline) if result.is_pending() => deadline
                .timer
                .as_mut()
                .poll(cx)
                .is_ready()
                .then_some(deadline.timeout),
            _ => None,
        };
        if result.is_pending() && late.is_none() {
            return Poll::Pending;
        }
        let Some((mut slot, work)) = self.inside.take() else {
            return Poll::Pending;
        };
        let result = match (result, late) {
            (Poll::Ready(result), _) => result.map_err(CutShort::Panicked),
            (Poll::Pending, late) => {
                slots::drop_future(&mut slot);
                Err(CutShort::TimedOut(late.unwrap_or_default()))
            }
        };
        Poll::Ready(Ended { slot, work, result })
    }
}

impl<F> Drop for Running<F> {
    /// Drops the future so that a panic in its drop does not keep the others from being dropped.
    fn drop(&mut self) {
        if let Some((slot, _)) = &mut self.inside {
            slots::drop_future(slot);
        }
    }
}

impl<F> fmt::Debug for Running<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
