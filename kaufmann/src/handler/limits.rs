//! What bounds one handler.

use std::time::Duration;

use crate::config::OnFailure;

/// What a handler's attribute says of its bounds; where it says nothing, the configuration does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long an attempt may take. Else: `handler.timeout`.
    pub timeout: Option<Duration>,
    /// How often it is tried again after its first failure. Else: `retry.max_attempts` less the first.
    pub retries: Option<u32>,
    /// How long it waits before it is tried again: for the first time, and at most. Else: `retry.initial` and `retry.max`.
    pub backoff: Option<(Duration, Option<Duration>)>,
    /// What becomes of a record that it cannot handle. Else: `on_failure`.
    pub on_failure: Option<OnFailure>,
    /// How many of it may run at once, within `max_in_flight` of the service. Else: as many as those.
    pub max_in_flight: Option<u32>,
    /// How many events it takes at once; `None`: one, by itself.
    pub batch: Option<u32>,
    /// How long a batch may wait for more events. Else: it takes what is there.
    pub linger: Option<Duration>,
}

impl Limits {
    /// The attribute says nothing.
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
