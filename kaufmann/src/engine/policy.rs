//! The limits of one handler: those of its attribute, and for the rest those of the configuration.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Delivery, OnFailure, RetryConfig};
use crate::engine::pool::Pool;
use crate::handler::HandlerEntry;

/// The limits of one handler in a running service.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// How long an attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// How many attempts it gets; `None`: any number.
    pub(crate) max_attempts: Option<u32>,
    /// The back-off between them.
    pub(crate) retry: RetryConfig,
    /// What happens to a record that it cannot handle.
    pub(crate) on_failure: OnFailure,
    /// One permit for each record that it may run at once, if that is bounded.
    pub(crate) permits: Option<Arc<Pool>>,
    /// How its batches are gathered, if it takes batches.
    pub(crate) batch: Option<BatchPolicy>,
}

/// How batches are gathered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchPolicy {
    /// How many records a full batch has.
    pub(crate) size: usize,
    /// How long the first record waits for others.
    pub(crate) linger: Duration,
}

impl Policy {
    /// Combines the handler's attribute with the configuration.
    pub(crate) fn new(entry: &HandlerEntry, config: &Config, shards: usize) -> Self {
        let limits = entry.limits;
        let permits = |count: u32| Arc::new(Pool::new(count.max(1) as usize, shards));
        Self {
            timeout: limits.timeout.or(config.handler.timeout),
            max_attempts: match (config.delivery, limits.retries) {
                (Delivery::AtMostOnce, _) => Some(1),
                (_, Some(retries)) => Some(retries.saturating_add(1)),
                (_, None) => Some(config.retry.max_attempts).filter(|count| *count > 0),
            },
            retry: match limits.backoff {
                None => config.retry.clone(),
                Some((initial, max)) => {
                    let mut retry = config.retry.clone();
                    retry.initial = initial;
                    retry.max = max.unwrap_or(retry.max).max(initial);
                    retry
                }
            },
            on_failure: limits.on_failure.unwrap_or(config.on_failure),
            permits: limits.max_in_flight.map(permits),
            batch: limits.batch.map(|size| BatchPolicy {
                size: size.max(1) as usize,
                linger: limits.linger.unwrap_or_default(),
            }),
        }
    }

    /// Whether a failure of this attempt, counted from 1, is the last one.
    pub(crate) fn is_last(&self, attempt: u32) -> bool {
        self.max_attempts.is_some_and(|last| attempt >= last)
    }
}
