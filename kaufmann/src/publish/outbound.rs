//! From a handler's events to messages: topic, frame, key and headers.
//!
//! A record whose events wait for the broker frees its place in flight; deliveries have a bound of their own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;
use uuid::Uuid;

use crate::config::{Config, OnFailure, ReplyTo};
use crate::control::Control;
use crate::event::EventInfo;
use crate::outcome::Outgoing;
use crate::publish::callback::{Allowed, Refused};
use crate::publish::deliveries::{Delivered, Deliveries, Rest};
use crate::publish::envelope::{self, Envelope, reply_id};
use crate::publish::error_event::{self, ERROR};
use crate::publish::letter::{Reason, letter};
use crate::publish::routes::Routes;
use crate::publish::{Message, PublishError, PublishErrorKind, Publisher, Stage};
use crate::record::Record;
use crate::schemas::Schemas;
use crate::wire::framed;

/// Publishes the events of one service.
pub(crate) struct Outbound {
    deliveries: Arc<Deliveries>,
    /// Where messages go in transactions.
    stage: Option<Arc<Stage>>,
    routes: Routes,
    source: String,
    dead_letter_topic: Arc<str>,
    reply_to: ReplyTo,
    callbacks: Allowed,
}

/// An event to be made a message of.
struct Event<'a> {
    info: &'static EventInfo,
    /// What `ce_type` says.
    name: &'a str,
    datum: &'a [u8],
    key: Option<&'a [u8]>,
}

impl<'a> Event<'a> {
    fn of(outgoing: &'a Outgoing) -> Self {
        Self {
            info: outgoing.info,
            name: outgoing.info.name,
            datum: &outgoing.datum,
            key: outgoing.key.as_deref(),
        }
    }
}

impl Outbound {
    /// Must be called within a runtime, on which messages are sent again.
    pub(crate) fn new(
        config: &Config,
        publisher: Arc<dyn Publisher>,
        stage: Option<Arc<Stage>>,
        schemas: Arc<Schemas>,
        control: Arc<Control>,
    ) -> Arc<Self> {
        Arc::new(Self {
            deliveries: Deliveries::new(config, publisher, control),
            stage,
            routes: Routes::new(config, schemas),
            source: envelope::source(config),
            dead_letter_topic: config.dead_letter_topic().into(),
            reply_to: config.publish.reply_to,
            callbacks: Allowed::new(&config.publish.callback_topics),
        })
    }

    /// The events' routes.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Where messages go, if that is in transactions.
    pub(crate) fn stage(&self) -> Option<&Arc<Stage>> {
        self.stage.as_ref()
    }

    /// Publishes an event now and waits until the broker has it. In transactions it gives the message back instead: it leaves
    /// with what the record leads to.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        outgoing: Outgoing,
        cause: &Record,
    ) -> Result<Option<Message>, PublishError> {
        let message = self.message(&Event::of(&outgoing), cause, Uuid::now_v7()).await?;
        if self.stage.is_some() {
            return Ok(Some(message));
        }
        let permit = self.deliveries.permit().await;
        let (sender, receiver) = oneshot::channel();
        self.deliveries
            .queue(message, |result| {
                _ = sender.send(result.map_err(|undelivered| undelivered.error));
            })
            .await;
        let result = receiver.await;
        drop(permit);
        let closed = || PublishError::new(PublishErrorKind::Broker, "the publisher was closed");
        result.unwrap_or_else(|_| Err(closed())).map(|()| None)
    }

    /// Queues the events that a record led to, in their order, behind the messages that wait for its end; `delivered` is called
    /// when they are answered.
    ///
    /// Waits while too many deliveries are outstanding, or the registry does not answer.
    pub(crate) async fn reply(
        self: &Arc<Self>,
        published: Vec<Message>,
        outgoing: Vec<Outgoing>,
        cause: &Record,
        delivered: Delivered,
    ) {
        let callback = self.callback(cause);
        let copies = self.copies(callback.is_some());
        if let Some(stage) = &self.stage {
            let mut messages = published;
            for (number, outgoing) in outgoing.iter().enumerate() {
                let id = reply_id(cause, outgoing.info.name, number);
                let message = self.insistent_message(&Event::of(outgoing), cause, id).await;
                messages.extend(self.addressed(message, callback.as_ref()));
            }
            return stage.put(cause, messages, delivered).await;
        }
        let rest = Rest::new(outgoing.len() * copies, delivered);
        for (number, outgoing) in outgoing.iter().enumerate() {
            let id = reply_id(cause, outgoing.info.name, number);
            let message = self.insistent_message(&Event::of(outgoing), cause, id).await;
            self.deliver_copies(message, callback.as_ref(), &rest).await;
        }
    }

    /// Says that a record cannot be handled, as `on_failure` wants it; `delivered` is called when all of it is answered.
    pub(crate) async fn unhandled(
        self: &Arc<Self>,
        record: &Record,
        reason: &Reason,
        on_failure: OnFailure,
        delivered: Delivered,
    ) {
        let by_letter = matches!(on_failure, OnFailure::DeadLetter | OnFailure::Both);
        let by_event = matches!(on_failure, OnFailure::ErrorEvent | OnFailure::Both);
        let callback = if by_event { self.callback(record) } else { None };
        let copies = if by_event {
            self.copies(callback.is_some())
        } else {
            0
        };
        let now = SystemTime::now();
        let letter = by_letter.then(|| letter(&self.dead_letter_topic, record, reason, now));
        let event = || self.error_event(record, reason, now);
        if let Some(stage) = &self.stage {
            let mut messages = Vec::from_iter(letter);
            if by_event {
                messages.extend(self.addressed(event().await, callback.as_ref()));
            }
            return stage.put(record, messages, delivered).await;
        }
        let rest = Rest::new(usize::from(by_letter) + copies, delivered);
        if let Some(letter) = letter {
            self.deliveries.deliver(letter, Arc::clone(&rest)).await;
        }
        if by_event {
            self.deliver_copies(event().await, callback.as_ref(), &rest).await;
        }
    }

    /// The message that says that a record cannot be handled.
    async fn error_event(&self, record: &Record, reason: &Reason, now: SystemTime) -> Message {
        let name = error_event::name(reason);
        let event = Event {
            info: &ERROR,
            name: &name,
            datum: &error_event::datum(record, reason, now),
            key: None,
        };
        self.insistent_message(&event, record, reply_id(record, &name, 0))
            .await
    }

    /// The topic that a record wants its answers in, if they may go there.
    fn callback(&self, cause: &Record) -> Option<Arc<str>> {
        if self.reply_to == ReplyTo::Topic {
            return None;
        }
        match self.callbacks.callback(cause) {
            Ok(topic) => topic,
            Err(Refused(name)) => {
                warn!(%cause, name, "the topic that the record wants its answer in is not among `publish.callback_topics`");
                None
            }
        }
    }

    /// How many messages an answer is.
    fn copies(&self, has_callback: bool) -> usize {
        1 + usize::from(has_callback && self.reply_to == ReplyTo::Both)
    }

    /// The messages that an answer is: one, or one to its own topic and one to that of the callback.
    fn addressed(&self, mut message: Message, callback: Option<&Arc<str>>) -> impl Iterator<Item = Message> {
        let mut own = None;
        if let Some(topic) = callback {
            own = (self.reply_to == ReplyTo::Both).then(|| message.clone());
            message.topic = Arc::clone(topic);
        }
        own.into_iter().chain([message])
    }

    async fn deliver_copies(&self, message: Message, callback: Option<&Arc<str>>, rest: &Arc<Rest>) {
        for message in self.addressed(message, callback) {
            self.deliveries.deliver(message, Arc::clone(rest)).await;
        }
    }

    /// Waits until everything is delivered or `timeout` is over; `false` if something is left. Blocks.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.deliveries.flush(timeout)
    }

    async fn message(&self, outgoing: &Event<'_>, cause: &Record, id: Uuid) -> Result<Message, PublishError> {
        let route = self.routes.of(outgoing.info)?;
        let schema = self.routes.id(&route).await?;
        let envelope = Envelope {
            id,
            event: outgoing.name,
            source: &self.source,
            time: SystemTime::now(),
            cause: Some(cause),
        };
        Ok(Message {
            topic: Arc::clone(&route.topic),
            // Without a key of its own an event keeps its cause's, and with it the order.
            key: outgoing.key.or(cause.key()).map(<[u8]>::to_vec),
            payload: Some(framed(schema, outgoing.datum)),
            headers: envelope.headers(),
        })
    }

    /// Tries until there is a message: the handler's work is done and must not be lost.
    async fn insistent_message(&self, outgoing: &Event<'_>, cause: &Record, id: Uuid) -> Message {
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
