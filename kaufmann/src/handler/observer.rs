//! Observers: notified how each record is settled.

use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use crate::base::panics::{Panic, catch};
use crate::record::Record;

/// Is notified of what becomes of each record. Called on the service's threads: it must not block. A panic in it is logged and does
/// not affect the record.
pub trait Observer: Send + Sync + 'static {
    /// A record is settled.
    fn settled(&self, record: &Record, event: Option<&str>, how: Settled<'_>) {
        let _ = (record, event, how);
    }

    /// A handler failed and its record will be tried again after `delay`. `attempt` is the one that failed, from 1.
    fn retrying(&self, record: &Record, event: Option<&str>, attempt: u32, delay: Duration, error: &str) {
        let _ = (record, event, attempt, delay, error);
    }
}

/// How a record was settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Settled<'a> {
    /// Its handler succeeded, and the broker has the events it returned.
    Handled {
        /// Their names.
        published: &'a [&'static str],
    },
    /// No handler takes it.
    Unwanted,
    /// It cannot be handled, and the broker has its dead letter or its error event, as `on_failure` sets.
    DeadLettered {
        /// Why.
        reason: &'a str,
    },
    /// Its attempts are used up, and the broker has it in a retry topic, from which it is tried again.
    Postponed {
        /// For how long.
        delay: Duration,
        /// Why.
        reason: &'a str,
    },
    /// Its handler failed with the class `skip`.
    Skipped {
        /// Why.
        reason: &'a str,
    },
}

/// An observer whose panics are caught and logged.
pub(crate) struct Guarded(pub(crate) Arc<dyn Observer>);

impl Observer for Guarded {
    fn settled(&self, record: &Record, event: Option<&str>, how: Settled<'_>) {
        if let Err(panic) = catch(|| self.0.settled(record, event, how)) {
            report(record, event, &panic);
        }
    }

    fn retrying(&self, record: &Record, event: Option<&str>, attempt: u32, delay: Duration, error: &str) {
        if let Err(panic) = catch(|| self.0.retrying(record, event, attempt, delay, error)) {
            report(record, event, &panic);
        }
    }
}

#[cold]
fn report(record: &Record, event: Option<&str>, panic: &Panic) {
    error!(
        event,
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        error = panic.text(),
        place = panic.place(),
        backtrace = panic.backtrace(),
        "the observer panicked"
    );
}
