//! A publisher that publishes nothing, for a replay without `--publish`.

use std::time::Duration;

use crate::publish::{Completion, Message, PublishError, Publisher, Rejected};

/// Reports every message as delivered, and calls this function for it.
pub(crate) struct Muted<F>(pub(crate) F);

impl<F: Fn() + Send + Sync + 'static> Publisher for Muted<F> {
    fn send(&self, _: Message, done: Completion) -> Result<(), Rejected> {
        (self.0)();
        done(Ok(()));
        Ok(())
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }

    /// Every partition exists, as nothing is sent.
    fn partitions(&self, _: &str, _: Duration) -> Result<u32, PublishError> {
        Ok(u32::MAX)
    }
}
