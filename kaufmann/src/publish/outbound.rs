//! From a handler's events to messages: topic, frame, key and headers.
//!
//! A record whose events wait for the broker frees its place in flight; deliveries have a bound of their own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;
use uuid::Uuid;

use crate::config::Config;
use crate::control::Control;
use crate::outcome::Outgoing;
use crate::publish::deliveries::{Delivered, Deliveries, Rest};
use crate::publish::envelope::{Envelope, reply_id};
use crate::publish::letter::{Reason, letter};
use crate::publish::routes::Routes;
use crate::publish::{Message, PublishError, PublishErrorKind, Publisher};
use crate::record::Record;
use crate::schemas::Schemas;
use crate::wire::framed;

/// Publishes the events of one service.
pub(crate) struct Outbound {
    deliveries: Arc<Deliveries>,
    routes: Routes,
    source: String,
    dead_letter_topic: Arc<str>,
}

impl Outbound {
    /// Must be called within a runtime, on which messages are sent again.
    pub(crate) fn new(
        config: &Config,
        publisher: Arc<dyn Publisher>,
        schemas: Arc<Schemas>,
        control: Arc<Control>,
    ) -> Arc<Self> {
        Arc::new(Self {
            deliveries: Deliveries::new(config, publisher, control),
            routes: Routes::new(config, schemas),
            source: config
                .publish
                .source
                .clone()
                .unwrap_or_else(|| format!("/{}", config.group)),
            dead_letter_topic: config.dead_letter_topic().into(),
        })
    }

    /// The events' routes.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Publishes an event now and waits until the broker has it.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        outgoing: Outgoing,
        cause: &Record,
    ) -> Result<(), PublishError> {
        let message = self.message(&outgoing, cause, Uuid::now_v7()).await?;
        let permit = self.deliveries.permit().await;
        let (sender, receiver) = oneshot::channel();
        self.deliveries
            .queue(message, |result| {
                _ = sender.send(result.map_err(|undelivered| undelivered.error));
            })
            .await;
        let result = receiver.await;
        drop(permit);
        result.unwrap_or_else(|_| {
            Err(PublishError::new(
                PublishErrorKind::Broker,
                "the publisher was closed",
            ))
        })
    }

    /// Queues the events that a record led to, in their order; `delivered` is called when they are answered.
    ///
    /// Waits while too many deliveries are outstanding, or the registry does not answer.
    pub(crate) async fn reply(
        self: &Arc<Self>,
        outgoing: Vec<Outgoing>,
        cause: &Record,
        delivered: Delivered,
    ) {
        let rest = Rest::new(outgoing.len(), delivered);
        for (number, outgoing) in outgoing.iter().enumerate() {
            let id = reply_id(cause, outgoing.info.name, number);
            let message = self.insistent_message(outgoing, cause, id).await;
            self.deliveries.deliver(message, Arc::clone(&rest)).await;
        }
    }

    /// Writes a record to the dead-letter topic; `delivered` is called when it is answered.
    pub(crate) async fn dead_letter(
        self: &Arc<Self>,
        record: &Record,
        reason: &Reason,
        delivered: Delivered,
    ) {
        let message = letter(&self.dead_letter_topic, record, reason, SystemTime::now());
        self.deliveries.deliver(message, Rest::new(1, delivered)).await;
    }

    /// Waits until everything is delivered or `timeout` is over; `false` if something is left. Blocks.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.deliveries.flush(timeout)
    }

    async fn message(&self, outgoing: &Outgoing, cause: &Record, id: Uuid) -> Result<Message, PublishError> {
        let route = self.routes.of(outgoing.info)?;
        let schema = self.routes.id(&route).await?;
        let event = outgoing.info.name;
        let envelope = Envelope {
            id,
            event,
            source: &self.source,
            time: SystemTime::now(),
            cause: Some(cause),
        };
        Ok(Message {
            topic: Arc::clone(&route.topic),
            // Without a key of its own an event keeps its cause's, and with it the order.
            key: outgoing.key.clone().or_else(|| cause.key().map(<[u8]>::to_vec)),
            payload: Some(framed(schema, &outgoing.datum)),
            headers: envelope.headers(),
        })
    }

    /// Tries until there is a message: the handler's work is done and must not be lost.
    async fn insistent_message(&self, outgoing: &Outgoing, cause: &Record, id: Uuid) -> Message {
        let mut attempt = 1;
        loop {
            match self.message(outgoing, cause, id).await {
                Ok(message) => return message,
                Err(error) => {
                    let delay = self.deliveries.back_off(attempt);
                    warn!(%error, %cause, attempt, delay = ?delay, "an event cannot be published yet; trying again");
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
            }
        }
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}
