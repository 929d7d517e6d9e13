//! How long a handler may take and how it is tried again, and when a slow one is reported: `handler`, `retry`, `watchdog`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// Defaults for handlers whose attributes do not set their own.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HandlerConfig {
    /// How long an attempt may take; then its future is dropped, and it counts as failed. Default: no limit, as only the service
    /// knows what its handlers may wait for.
    #[serde(with = "duration::optional")]
    pub timeout: Option<Duration>,
}

/// How a failed handler is tried again: the n-th wait is `initial × factor^(n-1)`, at most `max`, shortened at random by up to
/// `jitter`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// The first wait. Default: 200 ms.
    #[serde(with = "duration")]
    pub initial: Duration,
    /// The longest wait. Default: 30 s.
    #[serde(with = "duration")]
    pub max: Duration,
    /// The factor by which each wait is longer than the one before. Default: 2.
    pub factor: f64,
    /// The share by which a wait may be shortened at random, from 0 to 1. Default: 0.2.
    pub jitter: f64,
    /// After how many attempts a failure is final; 0: never. Default: 10, which the waits above spread over 65 to 81 seconds. A
    /// record that is tried for ever keeps all later records of its partition from being committed, and in the end from being
    /// read.
    pub max_attempts: u32,
    /// How many failed records may wait to be tried again. Default: 1,000.
    pub max_waiting: usize,
    /// How many bytes of failed records may wait to be tried again; they count towards `max_bytes`. Default: 16 MiB.
    pub max_waiting_bytes: usize,
    /// Topics in which records wait after the last of these attempts.
    pub topics: RetryTopicsConfig,
}

/// Topics in which a record waits after its last attempt, to be tried once more after each of them; after the last topic its failure
/// is final. Default: none. The service consumes its retry topics as well.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryTopicsConfig {
    /// How long a record waits in each topic, in the order in which it passes through them.
    #[serde(with = "duration::list")]
    pub delays: Vec<Duration>,
    /// The topics' names, one for each delay. Default: the group, `.retry.` and the delay: `orders.retry.10m`.
    pub names: Vec<String>,
}

/// When slow events and stalled partitions are reported; a partition is stalled if its watermark does not move while records wait.
///
/// The warning has the event, its key (shortened), its age and its handler; for a partition, the offset that blocks it and why.
/// It is logged once that has lasted `after`, again each time the duration has doubled, and when it is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchdogConfig {
    /// After how long. Default: 60 s. It is checked four times as often, but at most every 10 ms and at least every 5 s.
    #[serde(with = "duration")]
    pub after: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.2,
            max_attempts: 10,
            max_waiting: 1000,
            max_waiting_bytes: 16 << 20,
            topics: RetryTopicsConfig::default(),
        }
    }
}

impl Default for WatchdogConfig {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(60),
        }
    }
}
