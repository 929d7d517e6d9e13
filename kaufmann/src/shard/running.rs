//! Handlers that wait for something.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::Work;
use super::slots::{self, Slot};
use crate::attempt::{Finish, Start, event_name, panicked};
use crate::link::Link;
use crate::publish::envelope::TYPE;
use crate::record::Record;
use crate::schemas::Route;

/// A pending handler with the record it runs on.
pub(super) struct Running<F> {
    inside: Option<(Slot<F>, Work)>,
    since: Instant,
}

/// A handler that was pending and is done.
pub(super) struct Ended<F> {
    pub(super) slot: Slot<F>,
    pub(super) work: Work,
    pub(super) finish: Finish,
}

impl<F> Running<F> {
    pub(super) fn new(slot: Slot<F>, work: Work) -> Self {
        Self {
            inside: Some((slot, work)),
            since: Instant::now(),
        }
    }

    /// The record it runs on.
    pub(super) fn record(&self) -> Option<&Record> {
        self.inside.as_ref().map(|(_, work)| &work.record)
    }

    /// `user.create of orders/3@17 (key k1), attempt 2, running for 12s`
    pub(super) fn describe(&self, link: &Link) -> String {
        let Some((
            _,
            Work {
                record,
                start,
                attempt,
            },
        )) = &self.inside
        else {
            return String::new();
        };
        let event = event_of(link, start, record).unwrap_or("a record");
        let key = record.key().map_or_else(
            || "no key".into(),
            |key| format!("key {}", String::from_utf8_lossy(key)),
        );
        let place = format!("{}/{}@{}", record.topic(), record.partition(), record.offset());
        let seconds = self.since.elapsed().as_secs();
        format!("{event} of {place} ({key}), attempt {attempt}, running for {seconds}s")
    }
}

/// The event's name; the schema of the first records of a kind was not known when they began.
fn event_of(link: &Link, start: &Start, record: &Record) -> Option<&'static str> {
    match start {
        Start::Handler(handler, _) => event_name(link, *handler),
        Start::Schema(key) => match link
            .schemas
            .route(&*link.schemas.known(*key)?, record.header(TYPE))
        {
            Route::Handler(handler, _) => event_name(link, handler),
            Route::Unwanted | Route::Undecodable(_) => None,
        },
        Start::Undecodable(_) => None,
    }
}

impl<F: Future<Output = Finish>> Future for Running<F> {
    type Output = Ended<F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<F>> {
        let Some((slot, _)) = &mut self.inside else {
            return Poll::Pending;
        };
        let Poll::Ready(result) = slots::poll(slot, cx) else {
            return Poll::Pending;
        };
        let Some((slot, work)) = self.inside.take() else {
            return Poll::Pending;
        };
        let finish = result.unwrap_or_else(|panic| panicked(&work.start, &*panic));
        Poll::Ready(Ended { slot, work, finish })
    }
}

impl<F> fmt::Debug for Running<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
