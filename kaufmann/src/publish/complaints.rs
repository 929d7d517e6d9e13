//! Logs topics that refuse messages: the first refusal of a topic, further ones only after a while, and the recovery.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::publish::PublishError;

/// How often it is logged that a topic refuses messages.
const INTERVAL: Duration = Duration::from_secs(30);

/// The topics that refuse messages, and when that was logged last.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<HashMap<Arc<str>, Instant>>);

impl Complaints {
    /// Notes that a topic has refused a message; `source` is the position of the record that caused it.
    pub(super) fn refused(&self, topic: &Arc<str>, error: &PublishError, source: Option<&str>, now: Instant) {
        let mut logged = self.lock();
        let due = logged
            .get(topic)
            .is_none_or(|last| now.saturating_duration_since(*last) >= INTERVAL);
        if due {
            logged.insert(Arc::clone(topic), now);
            warn!(%error, topic = &**topic, source, "messages cannot be delivered; trying again until they are");
        }
    }

    /// Notes that a topic accepts all messages again.
    pub(super) fn is_over(&self, topic: &str) {
        if self.lock().remove(topic).is_some() {
            info!(topic, "messages are delivered again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
