//! The limits of one handler.

use std::time::Duration;

use crate::config::OnFailure;

/// The limits that a handler's attribute sets; for those it does not set, the configuration's apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long an attempt may take. Default: `handler.timeout`.
    pub timeout: Option<Duration>,
    /// How often a record is tried again after its first failure. Default: `retry.max_attempts` less the first attempt.
    pub retries: Option<u32>,
    /// How long a record waits before it is tried again: the first time, and at most. Default: `retry.initial` and `retry.max`.
    pub backoff: Option<(Duration, Option<Duration>)>,
    /// What becomes of a record that the handler cannot handle. Default: `on_failure`.
    pub on_failure: Option<OnFailure>,
    /// How many of its calls may run at once, within `max_in_flight` of the service. Default: that number.
    pub max_in_flight: Option<u32>,
    /// How many events it takes at once; `None`: one, not as a batch.
    pub batch: Option<u32>,
    /// How long a batch may wait for more events. Default: it does not wait.
    pub linger: Option<Duration>,
}

impl Limits {
    /// No limit of its own.
    pub const OPEN: Self = Self {
        timeout: None,
        retries: None,
        backoff: None,
        on_failure: None,
        max_in_flight: None,
        batch: None,
        linger: None,
    };
}
