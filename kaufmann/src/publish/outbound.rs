//! Makes messages of a handler's events: topic, frame, key and headers.
//!
//! A record whose events wait for the broker frees its slot in flight; deliveries have a bound of their own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tracing::warn;
use uuid::Uuid;

use crate::base::control::Control;
use crate::base::wall_clock::WallClock;
use crate::config::{Config, OnFailure, Partitioning, ReplyTo};
use crate::handler::event::EventInfo;
use crate::handler::outcome::{Choice, Outgoing};
use crate::publish::callback::{Allowed, Refused, Wanted};
use crate::publish::dead_letter::{Reason, dead_letter, retry_message};
use crate::publish::deliveries::{Delivered, Deliveries, Rest};
use crate::publish::envelope::{self, Envelope, reply_id};
use crate::publish::error_event::{self, ERROR};
use crate::publish::partitions::{Partitions, Way};
use crate::publish::retry_topics::{RetryTopic, RetryTopics};
use crate::publish::routes::{Route, Routes};
use crate::publish::{Message, MessageHeaders, Placement, PublishError, PublishErrorKind, Publisher, Stage};
use crate::record::Record;
use crate::schema::writers::Schemas;

/// Publishes the events of one service.
pub(crate) struct Outbound {
    deliveries: Arc<Deliveries>,
    /// Messages go through it in transactions.
    stage: Option<Arc<Stage>>,
    routes: Routes,
    retries: RetryTopics,
    partitions: Partitions,
    source: String,
    dead_letter_topic: Arc<str>,
    reply_to: ReplyTo,
    callbacks: Allowed,
    /// The clock for the times of events and dead letters.
    wall_clock: WallClock,
}

/// An event that becomes a message.
struct Event<'a> {
    info: &'static EventInfo,
    /// The value of `ce_type`.
    name: &'a str,
    datum: Vec<u8>,
    tombstone: bool,
    key: Option<Vec<u8>>,
    choice: Option<Choice>,
    /// Headers that the service sets.
    headers: MessageHeaders,
}

/// A message without a partition yet, and how its partition is chosen.
#[derive(Clone)]
struct Draft {
    message: Message,
    choice: Option<Choice>,
    configured: Partitioning,
}

impl Draft {
    /// Whether the cluster must be asked for the number of partitions.
    fn must_ask(&self) -> bool {
        let is_wanted = matches!(self.message.placement, Placement::Chosen(_));
        is_wanted || self.choice.is_some() || self.configured != Partitioning::Key
    }
}

impl From<Outgoing> for Event<'_> {
    fn from(outgoing: Outgoing) -> Self {
        Self {
            info: outgoing.info,
            name: outgoing.info.name,
            datum: outgoing.datum,
            tombstone: outgoing.tombstone,
            key: outgoing.key,
            choice: outgoing.partition,
            headers: outgoing.headers,
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
        wall_clock: WallClock,
    ) -> Arc<Self> {
        Arc::new(Self {
            partitions: Partitions::new(Arc::clone(&publisher)),
            deliveries: Deliveries::new(config, publisher, control),
            stage,
            routes: Routes::new(config, schemas),
            retries: RetryTopics::new(config),
            source: envelope::source(config),
            dead_letter_topic: config.dead_letter_topic().into(),
            reply_to: config.publish.reply_to,
            callbacks: Allowed::new(&config.publish.callback_topics),
            wall_clock,
        })
    }

    /// The events' routes.
    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The dead-letter topic.
    pub(crate) fn dead_letter_topic(&self) -> &Arc<str> {
        &self.dead_letter_topic
    }

    /// The retry topics.
    #[inline]
    pub(crate) fn retries(&self) -> &RetryTopics {
        &self.retries
    }

    /// The stage of the messages in transactions; `None` without transactions.
    pub(crate) fn stage(&self) -> Option<&Arc<Stage>> {
        self.stage.as_ref()
    }

    /// Publishes an event now and waits until the broker has it. In transactions it returns the message instead, which is sent
    /// with the other messages of the record.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        outgoing: Outgoing,
        cause: &Record,
    ) -> Result<Option<Message>, PublishError> {
        let (route, schema) = self.routes.find(outgoing.info).await?;
        let Draft {
            mut message,
            choice,
            configured,
        } = self.draft(outgoing.into(), &route, schema, cause, Uuid::now_v7());
        let way = Way::of(choice.as_ref(), configured);
        self.partitions.place(&mut message, way).await?;
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

    /// Queues the events that a record's handler returned, in order, after the messages that wait for its end. `event` is the event that
    /// the handler got; `delivered` is called when all are answered.
    ///
    /// Waits while too many deliveries are outstanding, or the registry does not answer.
    pub(crate) async fn reply(
        self: &Arc<Self>,
        published: Vec<Message>,
        outgoing: Vec<Outgoing>,
        cause: &Record,
        event: Option<&EventInfo>,
        delivered: Delivered,
    ) {
        let callback = self.callback(cause, event);
        let origin = cause.origin();
        let copies = self.copies(callback.is_some());
        if let Some(stage) = &self.stage {
            let mut messages = published;
            for (number, outgoing) in outgoing.into_iter().enumerate() {
                let id = reply_id(cause, origin.as_ref(), outgoing.info.name, number);
                let draft = self.insistently_drafted(outgoing.into(), cause, id).await;
                for draft in self.addressed(draft, callback.as_ref()) {
                    messages.push(self.insistently_placed(draft, cause).await);
                }
            }
            return stage.put(cause, messages, delivered).await;
        }
        let rest = Rest::new(outgoing.len() * copies, delivered);
        for (number, outgoing) in outgoing.into_iter().enumerate() {
            let id = reply_id(cause, origin.as_ref(), outgoing.info.name, number);
            let draft = self.insistently_drafted(outgoing.into(), cause, id).await;
            for draft in self.addressed(draft, callback.as_ref()) {
                let message = self.insistently_placed(draft, cause).await;
                self.deliveries.deliver(message, Arc::clone(&rest)).await;
            }
        }
    }

    /// Moves a record to a retry topic; `delivered` is called when the broker has it.
    pub(crate) async fn postpone(
        self: &Arc<Self>,
        record: &Record,
        reason: &Reason,
        topic: &RetryTopic,
        now: SystemTime,
        delivered: Delivered,
    ) {
        let message = retry_message(&topic.name, record, reason, (now, now + topic.delay));
        if let Some(stage) = &self.stage {
            return stage.put(record, vec![message], delivered).await;
        }
        self.deliveries.deliver(message, Rest::new(1, delivered)).await;
    }

    /// Publishes that a record cannot be handled: a dead letter, an error event or both, by `on_failure`. `delivered` is called when
    /// all messages are answered.
    pub(crate) async fn unhandled(
        self: &Arc<Self>,
        record: &Record,
        event: Option<&EventInfo>,
        reason: &Reason,
        on_failure: OnFailure,
        delivered: Delivered,
    ) {
        let by_dead_letter = matches!(on_failure, OnFailure::DeadLetter | OnFailure::Both);
        let by_event = matches!(on_failure, OnFailure::ErrorEvent | OnFailure::Both);
        let callback = if by_event {
            self.callback(record, event)
        } else {
            None
        };
        let copies = if by_event {
            self.copies(callback.is_some())
        } else {
            0
        };
        let now = self.now();
        let message = by_dead_letter.then(|| dead_letter(&self.dead_letter_topic, record, reason, now));
        let event = || self.error_events(record, reason, now, callback.as_ref());
        if let Some(stage) = &self.stage {
            let mut messages = Vec::from_iter(message);
            if by_event {
                messages.extend(event().await);
            }
            return stage.put(record, messages, delivered).await;
        }
        let rest = Rest::new(usize::from(by_dead_letter) + copies, delivered);
        if let Some(message) = message {
            self.deliveries.deliver(message, Arc::clone(&rest)).await;
        }
        if by_event {
            for message in event().await {
                self.deliveries.deliver(message, Arc::clone(&rest)).await;
            }
        }
    }

    /// The error events of a record that cannot be handled.
    async fn error_events(
        &self,
        record: &Record,
        reason: &Reason,
        now: SystemTime,
        callback: Option<&Wanted>,
    ) -> Vec<Message> {
        let name = error_event::name(reason);
        // Not its first origin: another failure after it was replayed is another event.
        let source = record.source();
        let event = Event {
            info: &ERROR,
            name: &name,
            datum: error_event::datum(record, source.as_ref(), reason, now),
            tombstone: false,
            key: None,
            choice: None,
            headers: MessageHeaders::default(),
        };
        let id = reply_id(record, source.as_ref(), &name, 0);
        let draft = self.insistently_drafted(event, record, id).await;
        let mut messages = Vec::with_capacity(2);
        for draft in self.addressed(draft, callback) {
            messages.push(self.insistently_placed(draft, record).await);
        }
        messages
    }

    fn now(&self) -> SystemTime {
        self.wall_clock.at(tokio::time::Instant::now().into_std())
    }

    /// The callback topic that a record requests, if it is allowed.
    fn callback(&self, cause: &Record, event: Option<&EventInfo>) -> Option<Wanted> {
        if self.reply_to == ReplyTo::Topic {
            return None;
        }
        match self.callbacks.callback(cause, event) {
            Ok(wanted) => wanted,
            Err(Refused(name)) => {
                warn!(%cause, name, "the callback topic that the record requests is not in `publish.callback_topics`; the reply goes to its own topic");
                None
            }
        }
    }

    /// How many messages a reply becomes.
    fn copies(&self, has_callback: bool) -> usize {
        1 + usize::from(has_callback && self.reply_to == ReplyTo::Both)
    }

    /// The messages of a reply: one, or one to its own topic and one to the callback topic.
    fn addressed(&self, mut draft: Draft, callback: Option<&Wanted>) -> impl Iterator<Item = Draft> + use<> {
        let mut own = None;
        if let Some(Wanted { topic, partition }) = callback {
            own = (self.reply_to == ReplyTo::Both).then(|| draft.clone());
            draft.message.topic = Arc::clone(topic);
            draft.message.placement = partition.map_or(Placement::Key, Placement::Chosen);
        }
        own.into_iter().chain([draft])
    }

    /// Waits until everything is delivered, for `timeout` at most. Returns `false` if something is left. Blocks.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        self.deliveries.flush(timeout)
    }

    /// The message of an event.
    fn draft(&self, event: Event<'_>, route: &Route, schema: u32, cause: &Record, id: Uuid) -> Draft {
        let envelope = Envelope {
            id,
            event: event.name,
            source: &self.source,
            time: self.now(),
            cause: Some(cause),
            origin: cause.origin(),
        };
        let mut headers = envelope.headers();
        headers.append(&event.headers);
        let message = Message {
            topic: Arc::clone(&route.topic),
            // An event without a key gets its cause's, and with it the order.
            key: event.key.or_else(|| cause.key().map(<[u8]>::to_vec)),
            placement: Placement::Key,
            payload: Outgoing::payload(event.tombstone, schema, event.datum),
            headers,
        };
        Draft {
            message,
            choice: event.choice,
            configured: route.partitioning,
        }
    }

    /// Tries until the event has a route: the handler's work is done and must not be lost.
    async fn insistently_drafted(&self, event: Event<'_>, cause: &Record, id: Uuid) -> Draft {
        let (route, schema) = match self.routes.found(event.info) {
            Some(found) => found,
            None => Box::pin(self.insistently_found(event.info, cause)).await,
        };
        self.draft(event, &route, schema, cause, id)
    }

    async fn insistently_found(&self, info: &'static EventInfo, cause: &Record) -> (Arc<Route>, u32) {
        let mut attempt = 1;
        loop {
            match self.routes.find(info).await {
                Ok(found) => return found,
                Err(error) => self.not_yet(&error, cause, &mut attempt).await,
            }
        }
    }

    /// Tries until the message has its partition: the one that its cause requests, if it exists, else the event's own.
    async fn insistently_placed(&self, draft: Draft, cause: &Record) -> Message {
        if !draft.must_ask() {
            return draft.message;
        }
        Box::pin(self.insistently_asked(draft, cause)).await
    }

    async fn insistently_asked(&self, draft: Draft, cause: &Record) -> Message {
        let Draft {
            mut message,
            choice,
            configured,
        } = draft;
        let mut attempt = 1;
        while let Placement::Chosen(partition) = message.placement {
            match self.partitions.has(&message.topic, partition).await {
                Ok(true) => return message,
                // The producer of the cause has chosen it; a wrong choice must not block the record.
                Ok(false) => {
                    warn!(%cause, topic = &*message.topic, partition, "the callback partition that the record requests does not exist; the reply goes to the partition of its key");
                    message.placement = Placement::Key;
                }
                Err(error) => self.not_yet(&error, cause, &mut attempt).await,
            }
        }
        let way = Way::of(choice.as_ref(), configured);
        while let Err(error) = self.partitions.place(&mut message, way).await {
            self.not_yet(&error, cause, &mut attempt).await;
        }
        message
    }

    async fn not_yet(&self, error: &PublishError, cause: &Record, attempt: &mut u32) {
        let delay = self.deliveries.back_off(*attempt);
        warn!(%error, %cause, attempt, delay = ?delay, "an event cannot be published yet; trying again");
        tokio::time::sleep(delay).await;
        *attempt += 1;
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}
