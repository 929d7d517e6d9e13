//! How an attempt at a record ended.

use std::sync::Arc;
use std::time::Duration;

use kaufmann_avro::resolve::Plan;
use tracing::error;

use super::start::{Exhausted, Start, WithoutHandler};
use super::{event_name, handler_path};
use crate::base::bounded_text::bounded;
use crate::base::panics::Panic;
use crate::engine::link::Link;
use crate::handler::failure_kind::FailureKind;
use crate::handler::gathered::{Gathered, Member};
use crate::handler::outcome::Outcome;
use crate::record::Record;

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Finish {
    /// That of a record.
    Record(End),
    /// That of a batch. Behind a pointer: every event moves a `Finish`, and only batches have this.
    Batch(Box<BatchFinish>),
}

/// How an attempt at a record ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The record is settled.
    Settled,
    /// The handler succeeded. The delivery of its messages settles the record.
    Handed,
    /// The record cannot be handled. The delivery of its dead letter or error event settles it.
    Unhandled,
    /// This handler takes the record, and has not run yet.
    Found(u32, Option<Arc<Plan>>),
    /// The record is tried again.
    Retry(Box<Retry>),
    /// Too many records of its topic could not be handled, and the topic is held: when it is read again, the record is tried again from here.
    Held(Box<Start>),
    /// The service stops.
    Fatal,
}

/// How an attempt at a batch ended.
#[derive(Debug)]
pub(crate) enum BatchFinish {
    /// Its handler has run, and returned these outcomes, one for each record.
    Handled(Arc<Gathered>, Vec<Outcome>),
    /// Each record has an end.
    Concluded(Arc<Gathered>, Vec<MemberEnd>),
}

/// How an attempt at a record of a batch ended.
#[derive(Debug)]
pub(crate) enum MemberEnd {
    Record(End),
    /// A record of its lane before it is tried again, and this one is handled again after it.
    After,
}

/// A record that is tried again.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) start: Start,
    /// How long to wait instead of the back-off.
    pub(crate) after: Option<Duration>,
    /// How it failed.
    pub(crate) class: FailureKind,
    pub(crate) error: String,
    /// The handler that failed.
    pub(crate) handler: Option<u32>,
}

impl Retry {
    /// The same again, after the back-off.
    pub(super) fn of(start: Start, class: FailureKind, error: String) -> Self {
        Self {
            handler: start.handler(),
            start,
            after: None,
            class,
            error,
        }
    }
}

impl Retry {
    /// The failure as the last one, instead of another attempt.
    pub(crate) fn exhausted(self, cut_short: bool) -> Exhausted {
        let plan = match self.start {
            Start::Handler(_, plan) => plan,
            _ => None,
        };
        Exhausted {
            plan,
            class: self.class,
            error: self.error,
            handler: self.handler,
            cut_short,
        }
    }
}

impl From<End> for Finish {
    fn from(end: End) -> Self {
        Self::Record(end)
    }
}

impl From<Retry> for End {
    fn from(retry: Retry) -> Self {
        Self::Retry(Box::new(retry))
    }
}

/// The end of an attempt that panicked.
#[cold]
pub(crate) fn panicked(link: &Link, start: &Start, record: &Record, attempt: u32, panic: &Panic) -> Finish {
    let error = log_panic(link, start, record, attempt, panic);
    again(start, FailureKind::Panicked, &error)
}

/// Logs a panic with its record. Returns it as an error.
pub(super) fn log_panic(link: &Link, start: &Start, record: &Record, attempt: u32, panic: &Panic) -> String {
    let what = match start {
        Start::Handler(..) | Start::Batch(_) => "the handler",
        Start::WithoutHandler(WithoutHandler::LookUp(..)) => "the look-up of the writer's schema",
        Start::WithoutHandler(_) => "what follows a handler",
    };
    error!(
        event = start.concerns().and_then(|handler| event_name(link, handler)),
        handler = start.concerns().and_then(|handler| handler_path(link, handler)),
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        attempt,
        error = bounded(panic.text()),
        place = panic.place(),
        backtrace = panic.backtrace(),
        "{what} panicked"
    );
    bounded(format_args!("{what} panicked: {}", panic.text()))
}

/// The end of an attempt whose handler took too long, and was dropped.
pub(crate) fn timed_out(start: &Start, timeout: Duration) -> Finish {
    let error = format!(
        "the handler did not finish within its timeout of {} and was dropped",
        humantime::format_duration(timeout)
    );
    again(start, FailureKind::TimedOut, &error)
}

/// Tries the record again, or each record of the batch.
fn again(start: &Start, class: FailureKind, error: &str) -> Finish {
    let Some(batch) = start.batch() else {
        return End::from(Retry::of(start.clone(), class, error.to_owned())).into();
    };
    let member = |member: &Member| {
        let start = Start::Handler(batch.handler, member.record.plan().cloned());
        MemberEnd::Record(Retry::of(start, class, error.to_owned()).into())
    };
    let ends = batch.members.iter().map(member).collect();
    Finish::Batch(Box::new(BatchFinish::Concluded(Arc::clone(batch), ends)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_event_moves_is_no_larger_for_batches() {
        assert_eq!(size_of::<Finish>(), 2 * size_of::<usize>());
    }
}
