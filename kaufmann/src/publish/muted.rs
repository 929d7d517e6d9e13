//! A publisher that publishes nothing, for a replay that is not to.

use std::time::Duration;

use crate::publish::{Completion, Message, PublishError, Publisher, Rejected};

/// Answers as if the broker had each message, and calls this for it.
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

    /// Whatever is chosen is there: it goes nowhere.
    fn partitions(&self, _: &str, _: Duration) -> Result<u32, PublishError> {
        Ok(u32::MAX)
    }
}
