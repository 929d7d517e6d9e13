//! A producer without a service, for programs that only publish.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use super::envelope::{self, Envelope};
use super::partitions::{Partitions, Way};
use super::routes::Routes;
use super::{Message, Muted, Placement, PublishError, PublishErrorKind, Publisher, Rejected, Undelivered};
use crate::config::Config;
use crate::handler::event::EventInfo;
use crate::handler::outcome::{Outgoing, Publishable};
use crate::record::wire::framed;
use crate::schema::registry::SchemaRegistry;
use crate::schema::writers::Schemas;

/// How long to wait before a full queue is tried again.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(1);
/// Publishes events without a service: typed, with the frame, the headers and the topics that a service would give them. Clones are
/// the same producer.
///
/// [`publish`](Producer::publish) waits while too many events are outstanding (`publish.max_outstanding`), so a caller that awaits it
/// publishes no faster than the brokers accept. It returns a [`Delivery`], which is ready when the brokers have the event or never
/// will. Events are published in the order in which `publish` is called; those with the same key arrive in that order.
///
/// In a `replay` without `--publish` it publishes nothing, and reports every event as delivered.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use std::time::Duration;
/// use kaufmann::{Config, Producer, publish::MemoryPublisher, registry::EmbeddedRegistry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), kaufmann::publish::PublishError> {
/// let mut config = Config::default();
/// config.registry.register = true;
/// // On Kafka: `Producer::connect(&config)?`
/// let producer = Producer::new(&config, MemoryPublisher::new(), EmbeddedRegistry::new());
///
/// let delivery = producer.publish(&user::Create { email: "ada@example.org".into() }).await?;
/// delivery.await?; // the brokers have it
///
/// for name in ["grace", "edsger"] {
///     producer.publish(&user::Create { email: format!("{name}@example.org") }).await?;
/// }
/// let counts = producer.flush(Duration::from_secs(10)).await;
/// assert_eq!((counts.delivered, counts.undelivered()), (3, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Producer(Arc<Inner>);

struct Inner {
    publisher: Arc<dyn Publisher>,
    routes: Routes,
    partitions: Partitions,
    source: String,
    deadline: Duration,
    /// Held by the caller that publishes, so that events leave in the order of the calls.
    turn: Mutex<()>,
    permits: Arc<Semaphore>,
    /// How many permits there are.
    most: u32,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    delivered: AtomicU64,
    failed: AtomicU64,
    outstanding: AtomicU64,
}

/// An event that is not answered yet.
struct Outstanding {
    tally: Arc<Tally>,
    _permit: OwnedSemaphorePermit,
}

impl Outstanding {
    fn new(tally: &Arc<Tally>, permit: OwnedSemaphorePermit) -> Self {
        tally.outstanding.fetch_add(1, Ordering::Relaxed);
        Self {
            tally: Arc::clone(tally),
            _permit: permit,
        }
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.tally.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The numbers of a [`Producer`]'s events, by result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Events that the brokers have.
    pub delivered: u64,
    /// Events that the brokers do not have and never will.
    pub failed: u64,
    /// Events without an answer yet.
    pub outstanding: u64,
}

impl Counts {
    /// How many events the brokers do not have, as far as is known.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.failed + self.outstanding
    }
}

/// The brokers' answer to an event. Dropping it cancels nothing; a failure that is not awaited is in the [counts](Producer::counts)
/// and in the log.
#[derive(Debug)]
#[must_use = "a delivery may fail; await it, or look at `Producer::flush`"]
pub struct Delivery(oneshot::Receiver<Result<(), PublishError>>);

impl Producer {
    /// How long an event may wait by default.
    pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

    /// A producer on any publisher. The publisher decides how long an event may take once it is queued.
    #[must_use]
    pub fn new(config: &Config, publisher: impl Publisher, registry: impl SchemaRegistry) -> Self {
        let most = u32::try_from(config.publish.max_outstanding).unwrap_or(u32::MAX);
        let most = most.clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let publisher: Arc<dyn Publisher> = match config.is_muted() {
            false => Arc::new(publisher),
            true => Arc::new(Muted(|| ())),
        };
        Self(Arc::new(Inner {
            partitions: Partitions::new(Arc::clone(&publisher)),
            publisher,
            routes: Routes::new(config, Arc::new(Schemas::new(Arc::new(registry), &[]))),
            source: envelope::source(config),
            deadline: Self::DEADLINE,
            turn: Mutex::default(),
            permits: Arc::new(Semaphore::new(most as usize)),
            most,
            tally: Arc::default(),
        }))
    }

    /// Sets the deadline for queueing an event while too many are outstanding. Default: 30 s.
    ///
    /// # Panics
    ///
    /// If the producer was cloned before.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        Arc::get_mut(&mut self.0)
            .expect("the deadline is set before the producer is cloned")
            .deadline = deadline;
        self
    }

    /// Queues an event, as soon as fewer than `publish.max_outstanding` are outstanding.
    ///
    /// If the future is dropped before it is ready, the event is not published.
    ///
    /// # Errors
    ///
    /// If the event has no topic, the registry does not have its schema or does not answer, the chosen partition does not exist, or the
    /// event could not be queued before the deadline.
    pub async fn publish<P: Publishable>(&self, event: &P) -> Result<Delivery, PublishError> {
        self.publish_as(event, |_| {}).await
    }

    /// Like [`Producer::publish`], with a message that `change` may change first: its key, its headers, its topic. If `change` sets no
    /// partition, it is chosen after that.
    ///
    /// # Errors
    ///
    /// As [`Producer::publish`].
    pub async fn publish_as<P: Publishable>(
        &self,
        event: &P,
        change: impl FnOnce(&mut Message),
    ) -> Result<Delivery, PublishError> {
        let Outgoing {
            info,
            datum,
            tombstone,
            key,
            partition,
            headers,
        } = event.outgoing();
        let inner = &*self.0;
        // Held also while the schema's id is requested, or the second event would overtake the first.
        let _turn = inner.turn.lock().await;
        let mut message = message(&inner.source, &inner.routes, info, datum, key, Uuid::now_v7()).await?;
        if tombstone {
            message.payload = None;
        }
        message.headers.append(&headers);
        change(&mut message);
        if message.placement == Placement::Key {
            let way = Way::of(partition.as_ref(), inner.routes.of(info)?.partitioning);
            inner.partitions.place(&mut message, way).await?;
        }
        match tokio::time::timeout(inner.deadline, inner.queue(message)).await {
            Ok(delivery) => Ok(delivery),
            Err(_) => Err(PublishError::new(
                PublishErrorKind::Broker,
                format!(
                    "`{}` was not published within {:?}: {} events were outstanding, the most that `publish.max_outstanding` allows",
                    P::INFO.name,
                    inner.deadline,
                    inner.most
                ),
            )),
        }
    }

    /// Publishes events in order and waits until the brokers have answered all of them.
    ///
    /// # Errors
    ///
    /// The first error, when all queued events are answered. After an error no more events are queued; those queued before may have
    /// arrived.
    pub async fn publish_all<'e, P: Publishable + 'e>(
        &self,
        events: impl IntoIterator<Item = &'e P>,
    ) -> Result<(), PublishError> {
        let mut deliveries = Vec::new();
        let mut outcome = Ok(());
        for event in events {
            match self.publish(event).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let mut answers = Ok(());
        for delivery in deliveries {
            answers = answers.and(delivery.await);
        }
        answers.and(outcome)
    }

    /// Waits until the brokers have answered all events that were published before, for `timeout` at most, and returns the counts
    /// of all events so far. Events that are published meanwhile wait.
    pub async fn flush(&self, timeout: Duration) -> Counts {
        let all = self.0.permits.acquire_many(self.0.most);
        _ = tokio::time::timeout(timeout, all).await;
        self.counts()
    }

    /// The counts of all events so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let tally = &self.0.tally;
        Counts {
            delivered: tally.delivered.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
            outstanding: tally.outstanding.load(Ordering::Relaxed),
        }
    }
}

impl Inner {
    /// Sends a message once a permit is free.
    async fn queue(&self, message: Message) -> Delivery {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let outstanding = Outstanding::new(&self.tally, permit);
        let (sender, receiver) = oneshot::channel();
        let done = move |result| answered(result, outstanding, sender);
        let mut next = self.publisher.send(message, Box::new(done));
        while let Err(Rejected { message, done }) = next {
            tokio::time::sleep(FULL_QUEUE_PAUSE).await;
            next = self.publisher.send(message, done);
        }
        Delivery(receiver)
    }
}

/// Called from the publisher's threads.
fn answered(
    result: Result<(), Undelivered>,
    outstanding: Outstanding,
    sender: oneshot::Sender<Result<(), PublishError>>,
) {
    let counted = if result.is_ok() {
        &outstanding.tally.delivered
    } else {
        &outstanding.tally.failed
    };
    counted.fetch_add(1, Ordering::Relaxed);
    let result = result.map_err(|Undelivered { message, error }| {
        let event = message.headers.get(crate::record::names::TYPE).map(String::from_utf8_lossy);
        tracing::warn!(%error, topic = &*message.topic, event = event.as_deref(), "an event was not delivered");
        error
    });
    drop(outstanding);
    // The receiver may have been dropped.
    _ = sender.send(result);
}

/// The message of an event without a cause.
pub(crate) async fn message(
    source: &str,
    routes: &Routes,
    info: &'static EventInfo,
    datum: Vec<u8>,
    key: Option<Vec<u8>>,
    id: Uuid,
) -> Result<Message, PublishError> {
    let (route, schema) = routes.find(info).await?;
    let envelope = Envelope {
        id,
        event: info.name,
        source,
        time: SystemTime::now(),
        cause: None,
        origin: None,
    };
    Ok(Message {
        topic: Arc::clone(&route.topic),
        key,
        placement: Placement::Key,
        payload: Some(framed(schema, datum)),
        headers: envelope.headers(),
    })
}

impl Future for Delivery {
    type Output = Result<(), PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(answer.unwrap_or_else(|_| {
            Err(PublishError::new(
                PublishErrorKind::Broker,
                "the publisher was closed",
            ))
        }))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("source", &self.source)
            .field("most", &self.most)
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::error_event::ERROR;
    use crate::publish::{MemoryPublisher, MessageHeaders};
    use crate::schema::registry::EmbeddedRegistry;

    struct Anything;

    impl Publishable for Anything {
        const INFO: &'static EventInfo = &ERROR;

        fn outgoing(&self) -> Outgoing {
            Outgoing {
                info: Self::INFO,
                datum: Vec::new(),
                tombstone: false,
                key: None,
                partition: None,
                headers: MessageHeaders::default(),
            }
        }
    }

    #[tokio::test]
    async fn in_a_replay_a_producer_publishes_only_on_request() {
        let mut config = Config::default();
        config.publish.topic = Some("t".to_owned());
        config.registry.register = true;
        for (config, expected) in [
            (config.clone(), 1),
            (config.clone().for_replay(true), 1),
            (config.for_replay(false), 0),
        ] {
            let publisher = MemoryPublisher::new();
            let producer = Producer::new(&config, publisher.clone(), EmbeddedRegistry::new());
            producer.publish(&Anything).await.unwrap().await.unwrap();
            assert_eq!(producer.counts().delivered, 1, "it is answered in any case");
            assert_eq!(publisher.messages().len(), expected);
        }
    }
}
