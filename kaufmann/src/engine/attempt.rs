//! One attempt at a record: runs its handler, and does what the outcome requires.

use std::sync::Arc;

use kaufmann_avro::DecodeError;
use tracing::{error, warn};

use crate::base::bounded_text::bounded;
use crate::base::error::ErrorKind;
use crate::engine::link::Link;
use crate::engine::settle::settle_later;
use crate::handler::Service;
use crate::handler::context::Context;
use crate::handler::failure::{Chain, Class, Failure};
use crate::handler::failure_kind::FailureKind;
use crate::handler::observer::{Observer, Settled};
use crate::handler::outcome::{OutcomeKind, Outgoing};
use crate::publish::Message;
use crate::publish::dead_letter::Reason;
use crate::record::Record;

mod batch;
mod finish;
mod start;
mod unhandled;
mod without_handler;

pub(crate) use batch::observe_done;
pub(crate) use finish::{BatchFinish, End, Finish, MemberEnd, Retry, panicked, timed_out};
pub(crate) use start::{Conclusion, Start, WithoutHandler};
use unhandled::unhandled;
use without_handler::without_handler;

/// An attempt that is over.
#[derive(Debug)]
pub(crate) struct Attempted<S> {
    pub(crate) finish: Finish,
    /// Its context, for the next attempt: taking it over is cheaper than counting references up and down again.
    pub(crate) cx: Context<S>,
}

/// Tries a record once.
pub(crate) async fn attempt<V: Service>(mut cx: Context<V::State>, start: Start) -> Attempted<V::State> {
    let finish = handle::<V>(&mut cx, start).await;
    Attempted { finish, cx }
}

async fn handle<V: Service>(cx: &mut Context<V::State>, start: Start) -> Finish {
    let attempt = cx.attempt();
    let (handler, plan) = match start {
        Start::Handler(handler, plan) => (handler, plan),
        Start::Batch(batch) => return Box::pin(batch::handle::<V>(cx, batch)).await,
        Start::WithoutHandler(what) => {
            if let WithoutHandler::Exhausted(exhausted) = &what {
                cx.set_plan(exhausted.plan.clone());
            }
            return Box::pin(without_handler(Link::of(&cx.state), what, cx.record(), attempt)).await;
        }
    };
    cx.set_plan(plan);
    let outcome = V::dispatch(handler, cx).await;
    if matches!(outcome.0, OutcomeKind::Done) && !cx.has_published() {
        let link = Link::of(&cx.state);
        link.observe(cx.record(), Some(handler), Settled::Handled { published: &[] });
        return End::Settled.into();
    }
    let published = cx.take_published();
    let link = Link::of(&cx.state);
    Box::pin(conclude(
        link,
        outcome.0,
        published,
        cx.record(),
        handler,
        attempt,
    ))
    .await
    .into()
}

/// A handler's path as it stands in the service's list.
pub(crate) fn handler_path(link: &Link, handler: u32) -> Option<&'static str> {
    link.handlers.get(handler as usize).map(|entry| entry.path)
}

/// The name of the event that a handler takes.
pub(crate) fn event_name(link: &Link, handler: u32) -> Option<&'static str> {
    link.event(handler).map(|info| info.name)
}

/// What becomes of a record whose handler did not just succeed. What it has `published` in a transaction leaves only if it did.
async fn conclude(
    link: &Arc<Link>,
    verdict: OutcomeKind,
    published: Vec<Message>,
    record: &Record,
    handler: u32,
    attempt: u32,
) -> End {
    match verdict {
        OutcomeKind::Done => reply(link, published, Vec::new(), record, handler).await,
        OutcomeKind::Publish(outgoing) => reply(link, published, outgoing, record, handler).await,
        OutcomeKind::Failed(failure) => failed(link, &failure, record, handler, attempt).await,
        OutcomeKind::Undecodable(error) => {
            let event = event_name(link, handler).unwrap_or_default();
            let error = bounded(format_args!(
                "the payload is no `{event}`: {}",
                explained(&error, record)
            ));
            let again = Start::Handler(handler, record.plan().cloned());
            unhandled(
                link,
                record,
                reason(link, FailureKind::Undecodable, error, handler, attempt),
                again,
            )
            .await
        }
        OutcomeKind::Batch(_) => {
            let failure =
                Failure::new("the handler takes a single event, but returned the outcomes of a batch");
            failed(link, &failure, record, handler, attempt).await
        }
    }
}

/// Why a record cannot be handled that its handler has seen.
fn reason(link: &Link, class: FailureKind, error: String, handler: u32, attempt: u32) -> Reason {
    Reason {
        class,
        error,
        event: event_name(link, handler),
        handler: handler_path(link, handler),
        attempts: attempt,
        cut_short: false,
    }
}

/// Describes an error of decoding, with the mismatch of the writer's schema if that is the cause.
fn explained(error: &DecodeError, record: &Record) -> String {
    let mismatch = record.plan().and_then(|plan| plan.explain(error));
    mismatch.map_or_else(|| error.to_string(), |mismatch| format!("{error}: {mismatch}"))
}

async fn reply(
    link: &Arc<Link>,
    published: Vec<Message>,
    outgoing: Vec<Outgoing>,
    record: &Record,
    handler: u32,
) -> End {
    let delivered = settle_later(link, record, || {
        let published: Vec<_> = outgoing.iter().map(|event| event.info.name).collect();
        move |observer: &dyn Observer, link: &Link, record: &Record| {
            observer.settled(
                record,
                event_name(link, handler),
                Settled::Handled {
                    published: &published,
                },
            );
        }
    });
    let event = link.event(handler);
    link.outbound
        .reply(published, outgoing, record, event, delivered)
        .await;
    End::Handed
}

async fn failed(link: &Arc<Link>, failure: &Failure, record: &Record, handler: u32, attempt: u32) -> End {
    let error = bounded(Chain(failure.error()));
    let path = handler_path(link, handler);
    match failure.class() {
        Class::Retry { after } => {
            let start = Start::Handler(handler, record.plan().cloned());
            let retry = Retry::of(start, FailureKind::Failed, error);
            Retry { after, ..retry }.into()
        }
        Class::DeadLetter => {
            let again = Start::Handler(handler, record.plan().cloned());
            unhandled(
                link,
                record,
                reason(link, FailureKind::Failed, error, handler, attempt),
                again,
            )
            .await
        }
        Class::Skip => {
            warn!(handler = path, %record, error, "skipped");
            link.observe(record, Some(handler), Settled::Skipped { reason: &error });
            End::Settled
        }
        Class::Fatal => {
            error!(
                handler = path,
                %record,
                error,
                "the handler asks the service to stop"
            );
            link.control.fail(
                ErrorKind::Handler,
                format!("{} failed on {record}: {error}", path.unwrap_or("a handler")),
            );
            End::Fatal
        }
    }
}
