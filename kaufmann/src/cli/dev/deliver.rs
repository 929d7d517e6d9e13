//! Delivers a message.

use std::time::Duration;

use crate::base::error::Error;
use crate::cli::publish::failed;
use crate::publish::{Message, PublishError, PublishErrorKind, Publisher, Undelivered};

/// Sends a message, and waits until the broker has it.
pub(super) async fn deliver(publisher: &dyn Publisher, mut message: Message) -> Result<(), Error> {
    loop {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result: Result<(), Undelivered>| {
            _ = sender.send(result.map_err(|undelivered| undelivered.error));
        });
        match publisher.send(message, done) {
            Ok(()) => {
                let closed = || {
                    Err(PublishError::new(
                        PublishErrorKind::Broker,
                        "the publisher was closed",
                    ))
                };
                return receiver
                    .await
                    .unwrap_or_else(|_| closed())
                    .map_err(|error| failed(&error));
            }
            Err(rejected) => {
                message = rejected.message;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}
