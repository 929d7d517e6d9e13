//! From a handler's events to delivered messages, and from there to the settlement of their cause.
//!
//! A record whose events wait for the broker frees its place in flight; deliveries have a bound of their own. A message that
//! the broker did not take is sent again until it does: its cause stays unsettled as long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Semaphore, oneshot};
use tracing::{info, warn};
use uuid::Uuid;

use crate::config::{Config, RetryConfig};
use crate::control::Control;
use crate::outcome::Outgoing;
use crate::publish::envelope::{Envelope, reply_id};
use crate::publish::letter::{Reason, letter};
use crate::publish::routes::Routes;
use crate::publish::{Message, PublishError, PublishErrorKind, Publisher, Rejected, Undelivered};
use crate::record::Record;
use crate::retry::back_off;
use crate::schemas::Schemas;
use crate::wire::framed;

/// How long to wait before a full queue is tried again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// Publishes the events of one service.
pub(crate) struct Outbound {
    publisher: Arc<dyn Publisher>,
    routes: Routes,
    source: String,
    dead_letter_topic: Arc<str>,
    retry: RetryConfig,
    outstanding: Arc<Semaphore>,
    control: Arc<Control>,
    runtime: tokio::runtime::Handle,
}

/// What to do when all messages that a record led to are delivered (`true`), or one of them never will be.
pub(crate) type Delivered = Box<dyn Fn(bool) + Send + Sync>;

impl Outbound {
    /// Must be called within a runtime, on which messages are sent again.
    pub(crate) fn new(
        config: &Config,
        publisher: Arc<dyn Publisher>,
        schemas: Arc<Schemas>,
        control: Arc<Control>,
    ) -> Arc<Self> {
        Arc::new(Self {
            publisher,
            routes: Routes::new(config, schemas),
            source: config
                .publish
                .source
                .clone()
                .unwrap_or_else(|| format!("/{}", config.group)),
            dead_letter_topic: config.dead_letter_topic().into(),
            retry: config.retry.clone(),
            outstanding: Arc::new(Semaphore::new(
                config.publish.max_outstanding.clamp(1, Semaphore::MAX_PERMITS),
            )),
            control,
            runtime: tokio::runtime::Handle::current(),
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
        let permit = self.permit().await;
        let (sender, receiver) = oneshot::channel();
        self.queue(message, |result| {
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
            self.deliver(message, Arc::clone(&rest)).await;
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
        self.deliver(message, Rest::new(1, delivered)).await;
    }

    /// Waits until everything is delivered or `timeout` is over; `false` if something is left. Blocks.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.publisher.flush(timeout)
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
                    let delay = self.back_off(attempt);
                    warn!(%error, ?cause, attempt, delay = ?delay, "an event cannot be published yet; trying again");
                    tokio::time::sleep(delay).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn deliver(self: &Arc<Self>, message: Message, rest: Arc<Rest>) {
        self.permit().await.forget();
        self.send(message, rest, 1).await;
    }

    async fn permit(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.outstanding
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    async fn send(self: &Arc<Self>, message: Message, rest: Arc<Rest>, attempt: u32) {
        let outbound = Arc::clone(self);
        self.queue(message, move |result| outbound.answered(result, rest, attempt))
            .await;
    }

    /// Hands a message to the publisher, waiting while its queue is full.
    async fn queue(&self, message: Message, done: impl FnOnce(Result<(), Undelivered>) + Send + 'static) {
        let mut next = self.publisher.send(message, Box::new(done));
        while let Err(Rejected { message, done }) = next {
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            next = self.publisher.send(message, done);
        }
    }

    fn answered(self: Arc<Self>, result: Result<(), Undelivered>, rest: Arc<Rest>, attempt: u32) {
        match result {
            Ok(()) => {
                self.outstanding.add_permits(1);
                if attempt > 1 {
                    info!(attempt, "a message that was refused is delivered");
                }
                rest.one_answered(true);
            }
            Err(Undelivered { error, .. }) if error.kind() == PublishErrorKind::Ended => {
                self.control.fail(error.to_string());
                rest.one_answered(false);
            }
            Err(Undelivered { message, error }) => {
                let delay = self.back_off(attempt);
                warn!(%error, topic = &*message.topic, attempt, delay = ?delay, "not delivered; trying again");
                let runtime = self.runtime.clone();
                runtime.spawn(async move {
                    tokio::time::sleep(delay).await;
                    self.send(message, rest, attempt + 1).await;
                });
            }
        }
    }

    fn back_off(&self, attempt: u32) -> Duration {
        back_off(&self.retry, attempt, crate::chance::fraction())
    }
}

/// The messages of one record that are not answered yet.
struct Rest {
    left: AtomicUsize,
    given_up: AtomicBool,
    delivered: Delivered,
}

impl Rest {
    fn new(messages: usize, delivered: Delivered) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(messages),
            given_up: AtomicBool::new(false),
            delivered,
        })
    }

    fn one_answered(&self, delivered: bool) {
        self.given_up.fetch_or(!delivered, Ordering::AcqRel);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.delivered)(!self.given_up.load(Ordering::Acquire));
        }
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}
