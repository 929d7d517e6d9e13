//! One attempt at a record: from its route over the handler to what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use kaufmann_avro::DecodeError;
use kaufmann_avro::resolve::Plan;
use tracing::{error, warn};

use crate::assignment::Hold;
use crate::assignment::Report;
use crate::assignment::limit::Excess;
use crate::base::bounded_text::bounded;
use crate::base::error::ErrorKind;
use crate::base::panics::Panic;
use crate::config::{Delivery, OnFailure, OnLimit};
use crate::engine::link::Link;
use crate::handler::Service;
use crate::handler::context::Context;
use crate::handler::event::EventInfo;
use crate::handler::failure::{Chain, Class, Failure};
use crate::handler::failure_kind::FailureKind;
use crate::handler::gathered::Gathered;
use crate::handler::observer::{Observer, Settled};
use crate::handler::outcome::{Outcome, OutcomeKind, Outgoing};
use crate::publish::dead_letter::Reason;
use crate::publish::retry_topics::RetryTopic;
use crate::publish::{Delivered, Message};
use crate::record::Record;
use crate::record::wire::SchemaKey;
use crate::schema::registry::{RegistryError, RegistryErrorKind};
use crate::schema::writers::{NoWriter, Route};

mod batch;

pub(crate) use batch::{Conclusion, say_done};

/// Where an attempt begins.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// The handler is known, and how the record is read if its writer had another schema.
    Handler(u32, Option<Arc<Plan>>),
    /// The writer's schema must be asked for first; so often has the registry answered that it does not know it.
    Schema(SchemaKey, u32),
    /// No handler can take it.
    Undecodable(Arc<str>),
    /// Its handler has failed for the last time.
    Exhausted(Arc<Exhausted>),
    /// The handler takes it with others.
    Batch(Arc<Gathered>),
    /// The handler of a batch has run: each record is to be ended as it said.
    Conclude(Arc<Conclusion>),
}

impl Start {
    /// The handler that runs, if one does.
    pub(crate) fn handler(&self) -> Option<u32> {
        match self {
            Self::Handler(handler, _) => Some(*handler),
            Self::Batch(batch) => Some(batch.handler),
            _ => None,
        }
    }

    /// The handler that it is about, whether that runs or has run.
    pub(crate) fn concerns(&self) -> Option<u32> {
        match self {
            Self::Exhausted(reason) => reason.handler,
            Self::Conclude(conclusion) => Some(conclusion.batch.handler),
            other => other.handler(),
        }
    }

    /// The batch, if it is about one.
    pub(crate) fn batch(&self) -> Option<&Arc<Gathered>> {
        match self {
            Self::Batch(batch) => Some(batch),
            Self::Conclude(conclusion) => Some(&conclusion.batch),
            _ => None,
        }
    }
}

/// How a handler failed for the last time.
#[derive(Debug)]
pub(crate) struct Exhausted {
    pub(crate) class: FailureKind,
    pub(crate) error: String,
    pub(crate) handler: Option<u32>,
    /// Whether it would have been tried again, had not too many others waited.
    pub(crate) cut_short: bool,
    /// How the record is read if its writer had another schema.
    plan: Option<Arc<Plan>>,
}

impl Exhausted {
    /// Instead of being tried again.
    pub(crate) fn of(retry: Retry, cut_short: bool) -> Self {
        let plan = match retry.start {
            Start::Handler(_, plan) => plan,
            _ => None,
        };
        Self {
            plan,
            class: retry.class,
            error: retry.error,
            handler: retry.handler,
            cut_short,
        }
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Finish {
    /// The record is settled.
    Settled,
    /// The handler succeeded; the record is settled when its messages are delivered, which reports it.
    Handed,
    /// The record cannot be handled; it is settled when what is said of that is delivered, which reports it.
    Unhandled,
    /// This handler takes the record, and has not run yet.
    Found(u32, Option<Arc<Plan>>),
    /// The record is to be tried again.
    Retry(Box<Retry>),
    /// Too many of its topic could not be handled, and the topic is held: the record is tried again from here when it is read again.
    Held(Box<Start>),
    /// The service ends.
    Fatal,
    /// The handler of a batch has run, and said this of each record.
    Batch(Each<Outcome>),
    /// Each record of a batch has an end.
    Concluded(Each<Finish>),
    /// The record was in a batch behind one of its lane that is tried again, and is handled again after it.
    Again,
}

/// Something for each record of a batch. Behind a pointer: every event moves a [`Finish`], and only batches have this.
pub(crate) type Each<T> = Box<(Vec<T>,)>;

/// A record that is to be tried again.
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
        other => {
            if let Start::Exhausted(exhausted) = &other {
                cx.set_plan(exhausted.plan.clone());
            }
            return Box::pin(without_handler(Link::of(&cx.state), other, cx.record(), attempt)).await;
        }
    };
    cx.set_plan(plan);
    let outcome = V::dispatch(handler, cx).await;
    if matches!(outcome.0, OutcomeKind::Done) && !cx.has_published() {
        let link = Link::of(&cx.state);
        if let Some(observer) = &link.observer {
            observer.settled(
                cx.record(),
                event_name(link, handler),
                Settled::Handled { published: &[] },
            );
        }
        return Finish::Settled;
    }
    let published = cx.take_published();
    Box::pin(conclude(
        Link::of(&cx.state),
        outcome.0,
        published,
        cx.record(),
        handler,
        attempt,
    ))
    .await
}

/// The failure of an attempt that panicked. It is logged here, where its record is known.
#[cold]
pub(crate) fn panicked(link: &Link, start: &Start, record: &Record, attempt: u32, panic: &Panic) -> Finish {
    let what = match start {
        Start::Handler(..) | Start::Batch(_) => "the handler",
        Start::Schema(..) => "the look-up of the writer's schema",
        Start::Undecodable(_) | Start::Exhausted(_) | Start::Conclude(_) => "what follows a handler",
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
    again(
        start,
        FailureKind::Panicked,
        bounded(format_args!("{what} panicked: {}", panic.text())),
    )
}

/// The failure of a handler that took too long, and was dropped.
pub(crate) fn timed_out(start: &Start, timeout: Duration) -> Finish {
    let error = format!(
        "the handler did not finish within its timeout of {} and was dropped",
        humantime::format_duration(timeout)
    );
    again(start, FailureKind::TimedOut, error)
}

fn again(start: &Start, class: FailureKind, error: String) -> Finish {
    let handler = start.handler();
    Finish::Retry(Box::new(Retry {
        start: start.clone(),
        after: None,
        class,
        error,
        handler,
    }))
}

/// A handler's path as it stands in the service's list.
pub(crate) fn handler_path(link: &Link, handler: u32) -> Option<&'static str> {
    link.handlers.get(handler as usize).map(|entry| entry.path)
}

/// The event that a handler takes.
fn event_info(link: &Link, handler: u32) -> Option<&'static EventInfo> {
    link.handlers.get(handler as usize).and_then(|entry| entry.event)
}

/// The name of the event that a handler takes.
pub(crate) fn event_name(link: &Link, handler: u32) -> Option<&'static str> {
    event_info(link, handler).map(|info| info.name)
}

/// Asks the registry for the writer's schema, and ends what no handler can take, or none any more.
async fn without_handler(link: &Arc<Link>, start: Start, record: &Record, attempt: u32) -> Finish {
    let again = start.clone();
    let reason = match start {
        Start::Handler(handler, plan) => return Finish::Found(handler, plan),
        Start::Exhausted(exhausted) => {
            let reason = Reason {
                class: exhausted.class,
                error: exhausted.error.clone(),
                event: exhausted.handler.and_then(|handler| event_name(link, handler)),
                handler: exhausted.handler.and_then(|handler| handler_path(link, handler)),
                attempts: attempt,
                cut_short: exhausted.cut_short,
            };
            return match link.outbound.retries().next(record) {
                Some(topic) => postpone(link, record, &reason, topic).await,
                None => {
                    let again = match exhausted.handler {
                        Some(handler) => Start::Handler(handler, exhausted.plan.clone()),
                        None => Start::Exhausted(Arc::clone(&exhausted)),
                    };
                    unhandled(link, record, reason, again).await
                }
            };
        }
        Start::Conclude(conclusion) => return batch::conclude(link, &conclusion).await,
        Start::Batch(_) => unreachable!("a batch has a handler"),
        Start::Undecodable(reason) => reason.to_string(),
        Start::Schema(key, unknown) => match link.schemas.writer(key, unknown).await {
            Ok(writer) => match link.schemas.route(&writer, record) {
                Route::Handler(handler, plan) => return Finish::Found(handler, plan),
                Route::Unwanted => {
                    link.schemas.pass_over(Some(&writer), record);
                    if let Some(observer) = &link.observer {
                        observer.settled(record, None, Settled::Unwanted);
                    }
                    return Finish::Settled;
                }
                Route::Undecodable(reason) => reason.to_string(),
            },
            Err(NoWriter::Final(reason)) => reason.to_string(),
            Err(NoWriter::NotYet(error)) => return look_up_again(key, unknown, &error),
        },
    };
    let reason = Reason {
        class: FailureKind::Undecodable,
        error: reason,
        event: None,
        handler: None,
        attempts: attempt,
        cut_short: false,
    };
    unhandled(link, record, reason, again).await
}

/// A look-up whose answer may pass is repeated, for as long as it takes.
fn look_up_again(key: SchemaKey, unknown: u32, error: &RegistryError) -> Finish {
    let more = u32::from(error.kind() == RegistryErrorKind::Unknown);
    Finish::Retry(Box::new(Retry {
        start: Start::Schema(key, unknown + more),
        after: None,
        class: FailureKind::Failed,
        error: format!("the writer's schema ({key}) is unavailable: {error}"),
        handler: None,
    }))
}

/// What becomes of a record whose handler did not just succeed. What it has `published` in a transaction leaves only if it did.
async fn conclude(
    link: &Arc<Link>,
    verdict: OutcomeKind,
    published: Vec<Message>,
    record: &Record,
    handler: u32,
    attempt: u32,
) -> Finish {
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
            let failure = Failure::new("the handler takes one event, and returned what becomes of several");
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

/// What an error of decoding says, and what is amiss with the writer's schema if that is why.
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
) -> Finish {
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
    let event = event_info(link, handler);
    link.outbound
        .reply(published, outgoing, record, event, delivered)
        .await;
    Finish::Handed
}

async fn failed(link: &Arc<Link>, failure: &Failure, record: &Record, handler: u32, attempt: u32) -> Finish {
    let error = bounded(Chain(failure.error()));
    let path = handler_path(link, handler);
    match failure.class() {
        Class::Retry { after } => Finish::Retry(Box::new(Retry {
            start: Start::Handler(handler, record.plan().cloned()),
            after,
            class: FailureKind::Failed,
            error,
            handler: Some(handler),
        })),
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
            if let Some(observer) = &link.observer {
                observer.settled(
                    record,
                    event_name(link, handler),
                    Settled::Skipped { reason: &error },
                );
            }
            Finish::Settled
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
            Finish::Fatal
        }
    }
}

/// Lets a record wait in a retry topic, and settles it here when the broker has it there.
async fn postpone(link: &Arc<Link>, record: &Record, reason: &Reason, topic: &RetryTopic) -> Finish {
    let delay = topic.delay;
    warn!(
        %record,
        class = reason.class.name(),
        error = reason.error,
        handler = reason.handler,
        attempts = reason.attempts,
        topic = &*topic.name,
        ?delay,
        "put off to a retry topic"
    );
    let delivered = settle_later(link, record, || {
        let (event, text) = (reason.event, reason.error.clone());
        move |observer: &dyn Observer, _: &Link, record: &Record| {
            let how = Settled::Postponed { delay, reason: &text };
            observer.settled(record, event, how);
        }
    });
    let now = link.wall_clock.at(tokio::time::Instant::now().into_std());
    let written = while_written(record, delivered);
    link.outbound.postpone(record, reason, topic, now, written).await;
    Finish::Unhandled
}

/// Notes that a letter of a record is on its way, until that is over.
fn while_written(record: &Record, delivered: Delivered) -> Delivered {
    let (assignment, offset) = (Arc::clone(record.assignment()), record.offset());
    assignment.letter(offset, true);
    Box::new(move |is_written| {
        assignment.letter(offset, false);
        delivered(is_written);
    })
}

/// Logs what became of a record that cannot be handled, once the broker has it.
fn saying(link: &Link, record: &Record, reason: &Reason, delivered: Delivered) -> Delivered {
    let (record, reason) = (record.to_string(), reason.clone());
    let letters = Arc::clone(link.outbound.dead_letter_topic());
    let on_failure = link.on_failure;
    Box::new(move |is_written| {
        if is_written {
            let Reason {
                class,
                error,
                handler,
                attempts,
                cut_short,
                ..
            } = &reason;
            let class = class.name();
            match on_failure.writes_letters() {
                true => warn!(
                    record,
                    class,
                    error,
                    handler,
                    attempts,
                    cut_short,
                    topic = &*letters,
                    "dead-lettered"
                ),
                false => warn!(
                    record,
                    class, error, handler, attempts, cut_short, "reported by an error event"
                ),
            }
        }
        delivered(is_written);
    })
}

/// Ends a record that cannot be handled, as `on_failure` says, unless that happens to too many of its partition.
async fn unhandled(link: &Arc<Link>, record: &Record, reason: Reason, again: Start) -> Finish {
    // In a retry topic all have failed before, so what fails there says nothing of what else does.
    let counts = link.outbound.retries().find(record.topic()).is_none();
    let (counted, rule) = link.rules.of(record.topic(), reason.handler);
    let excess = counts.then(|| record.assignment().failed(counted, &rule.limit, record.offset()));
    let excess = excess.flatten();
    if let (Some(excess), OnLimit::HoldTopic, Some(hold)) =
        (excess, rule.on_limit, record.assignment().hold())
    {
        hold_topic(hold, record, &reason, excess);
        // At most once it is committed, and nothing is tried again: what comes behind it is spared.
        if link.delivery != Delivery::AtMostOnce {
            record.assignment().forget_failure(counted, record.offset());
            return Finish::Held(Box::new(again));
        }
    } else if let Some(excess) = excess {
        let (topic, partition) = (record.topic(), record.partition());
        let text = format!(
            "in {topic}/{partition} {excess}; the last one, {record}, after {}: {}; repair what fails and start again: {}",
            attempts(reason.attempts),
            reason.error,
            read_again(link, record)
        );
        return stop(link, record, &reason, ErrorKind::TooManyFailures, text);
    }
    let index = link
        .handlers
        .iter()
        .position(|entry| Some(entry.path) == reason.handler);
    let own = index.and_then(|index| link.policies.get(index));
    let on_failure = own.map_or(link.on_failure, |policy| policy.on_failure);
    if on_failure == OnFailure::Stop {
        let text = format!(
            "{record} cannot be handled, and `on_failure` is \"stop\"; after {}: {}; {}",
            attempts(reason.attempts),
            reason.error,
            read_again(link, record)
        );
        return stop(link, record, &reason, ErrorKind::Handler, text);
    }
    let delivered = settle_later(link, record, || {
        let (event, text) = (reason.event, reason.error.clone());
        move |observer: &dyn Observer, _: &Link, record: &Record| {
            observer.settled(record, event, Settled::DeadLettered { reason: &text });
        }
    });
    let written = while_written(record, saying(link, record, &reason, delivered));
    let event = index.and_then(|index| link.handlers[index].event);
    link.outbound
        .unhandled(record, event, &reason, on_failure, written)
        .await;
    Finish::Unhandled
}

/// Holds the topic of a record, and says so, if it is not held already.
fn hold_topic(hold: &Hold, record: &Record, reason: &Reason, excess: Excess) {
    let Some(length) = hold.begin(tokio::time::Instant::now().into_std()) else {
        return;
    };
    error!(
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        handler = reason.handler,
        error = reason.error,
        hold = %humantime::format_duration(length),
        "the topic is not read for now, and other topics go on: {excess}; repair what fails, it is tried again then"
    );
}

/// What becomes of a record over which the service stops.
fn read_again(link: &Link, record: &Record) -> String {
    match link.delivery {
        Delivery::AtLeastOnce | Delivery::ExactlyOnce => {
            format!("nothing is lost, the offset of {record} is not committed")
        }
        Delivery::AtMostOnce => format!(
            "{record} is not read again, as with `delivery = \"at_most_once\"` its offset was committed before it began"
        ),
    }
}

fn attempts(count: u32) -> String {
    match count {
        1 => "one attempt".to_owned(),
        count => format!("{count} attempts"),
    }
}

fn stop(link: &Link, record: &Record, reason: &Reason, kind: ErrorKind, text: String) -> Finish {
    error!(%record, class = reason.class.name(), error = reason.error, handler = reason.handler, "the service stops");
    link.control.fail(kind, text);
    Finish::Fatal
}

/// Settles a record once its messages are delivered, and then tells the observer, if there is one. Only then the record is
/// kept, copied out of its batch, which would else be kept whole.
fn settle_later<O>(link: &Arc<Link>, record: &Record, tell: impl FnOnce() -> O) -> Delivered
where
    O: Fn(&dyn Observer, &Link, &Record) + Send + Sync + 'static,
{
    let report = Report::settled(record);
    let (assignment, lane) = (record.assignment(), record.lane());
    assignment.handed(record.offset());
    let in_turn = link.commits_ahead.then(|| {
        assignment.in_turn().wait(lane, record.offset());
        Arc::clone(assignment)
    });
    let link = Arc::clone(link);
    // In a box of its own: this is freed by the publisher's thread, which costs less if it is small.
    let observed = link
        .observer
        .clone()
        .map(|observer| Box::new((observer, record.detached(), tell())));
    Box::new(move |delivered| {
        if let (true, Some(observed)) = (delivered, &observed) {
            let (observer, record, tell) = &**observed;
            tell(&**observer, &link, record);
        }
        let report = if delivered { report } else { report.given_up() };
        match &in_turn {
            Some(assignment) => assignment.in_turn().settle(lane, report, &link.settlements),
            None => link.settlements.report(report),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_event_moves_is_no_larger_for_batches() {
        assert_eq!(size_of::<Finish>(), 2 * size_of::<usize>());
    }
}
