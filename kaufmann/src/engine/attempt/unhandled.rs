//! What becomes of a record that cannot be handled: a retry topic, a dead letter, an error event, a held topic, or the service's end.

use std::sync::Arc;

use tracing::{error, warn};

use super::finish::End;
use super::start::Start;
use crate::assignment::Hold;
use crate::assignment::limit::Excess;
use crate::base::error::ErrorKind;
use crate::config::{Delivery, OnFailure, OnLimit};
use crate::engine::link::Link;
use crate::engine::settle::settle_later;
use crate::handler::observer::{Observer, Settled};
use crate::publish::Delivered;
use crate::publish::dead_letter::Reason;
use crate::publish::retry_topics::RetryTopic;
use crate::record::Record;

/// Moves a record to a retry topic; it is settled here once the broker has it there.
pub(super) async fn postpone(link: &Arc<Link>, record: &Record, reason: &Reason, topic: &RetryTopic) -> End {
    let delay = topic.delay;
    warn!(
        %record,
        class = reason.class.name(),
        error = reason.error,
        handler = reason.handler,
        attempts = reason.attempts,
        topic = &*topic.name,
        ?delay,
        "moved to a retry topic"
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
    End::Unhandled
}

/// Notes on the assignment that a dead letter or error event of the record is being written, until it is.
fn while_written(record: &Record, delivered: Delivered) -> Delivered {
    let (assignment, offset) = (Arc::clone(record.assignment()), record.offset());
    assignment.set_dead_letter(offset, true);
    Box::new(move |is_written| {
        assignment.set_dead_letter(offset, false);
        delivered(is_written);
    })
}

/// Logs what became of a record that cannot be handled, once the broker has its dead letter or error event.
fn log_once_written(
    link: &Link,
    record: &Record,
    reason: &Reason,
    on_failure: OnFailure,
    delivered: Delivered,
) -> Delivered {
    let (record, reason) = (record.to_string(), reason.clone());
    let letters = Arc::clone(link.outbound.dead_letter_topic());
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
            match on_failure.writes_dead_letters() {
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

/// Ends a record that cannot be handled, as `on_failure` sets it, unless that happens to too many of its partition.
pub(super) async fn unhandled(link: &Arc<Link>, record: &Record, reason: Reason, again: Start) -> End {
    // In a retry topic all records have failed before, so failures there tell nothing about other records.
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
            return End::Held(Box::new(again));
        }
    } else if let Some(excess) = excess {
        let (topic, partition) = (record.topic(), record.partition());
        let text = format!(
            "in {topic}/{partition} {excess}; the last one, {record}, after {}: {}; repair what fails and restart: {}",
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
    let written = while_written(
        record,
        log_once_written(link, record, &reason, on_failure, delivered),
    );
    let event = index.and_then(|index| link.handlers[index].event);
    link.outbound
        .unhandled(record, event, &reason, on_failure, written)
        .await;
    End::Unhandled
}

/// Holds the topic of a record and logs that, unless it is held already.
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
        "the topic is held, other topics continue: {excess}; repair what fails, the topic is read again after the hold"
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

fn stop(link: &Link, record: &Record, reason: &Reason, kind: ErrorKind, text: String) -> End {
    error!(%record, class = reason.class.name(), error = reason.error, handler = reason.handler, "the service stops");
    link.control.fail(kind, text);
    End::Fatal
}
