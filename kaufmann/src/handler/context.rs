//! A handler's context: the service's state, the record, and a way to publish.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kaufmann_avro::resolve::Plan;

use crate::assignment::Assignment;
use crate::handler::gathered::Gathered;
use crate::handler::outcome::{Outgoing, Publishable};
use crate::handler::publish_error::{PublishError, PublishErrorKind};
use crate::record::Message;
use crate::record::Record;

/// What a handler is given besides its event: the service's state, the record, and a way to publish.
///
/// ```
/// use kaufmann::Context;
///
/// struct App { greeting: &'static str }
/// let cx = Context::detached(App { greeting: "hello" }); // for a unit test of a handler
/// assert_eq!(cx.state.greeting, "hello");
/// ```
#[derive(Debug)]
pub struct Context<S> {
    /// The service's state.
    pub state: State<S>,
    record: Record,
    attempt: u32,
    replay: bool,
    /// The records of a batch, if it is one; the first of them is `record`.
    batch: Option<Arc<Gathered>>,
    /// The messages that the attempt has published in a transaction: they are sent only if the attempt succeeds.
    published: OnceLock<Box<Mutex<Vec<Message>>>>,
}

/// The service's state as handlers see it; cheap to clone, so that a task can own one.
pub struct State<S>(Arc<Shared<S>>);

/// One per shard, so that the reference count stays in one core's cache.
struct Shared<S> {
    state: Arc<S>,
    /// `None` in a detached context.
    host: Option<Box<dyn Host>>,
}

/// The running service of a context. The engine implements it.
pub(crate) trait Host: Any + fmt::Debug + Send + Sync {
    /// Whether history is handled again.
    fn is_replay(&self) -> bool;

    /// Publishes an event. With `delivery = "exactly_once"` it returns the message instead, which is sent with the events that the
    /// handler returns.
    fn publish<'h>(&'h self, event: Outgoing, cause: &'h Record) -> Publishing<'h>;
}

/// A publication in progress.
pub(crate) type Publishing<'h> =
    Pin<Box<dyn Future<Output = Result<Option<Message>, PublishError>> + Send + 'h>>;

impl<S> Context<S> {
    pub(crate) fn new(state: State<S>, record: Record, attempt: u32) -> Self {
        let replay = state.0.host.as_ref().is_some_and(|host| host.is_replay());
        Self {
            state,
            record,
            attempt,
            replay,
            batch: None,
            published: OnceLock::new(),
        }
    }

    /// The records of a batch.
    pub(crate) fn batch(&self) -> Option<&Gathered> {
        self.batch.as_deref()
    }

    /// Sets or removes the records of a batch.
    pub(crate) fn set_batch(&mut self, batch: Option<Arc<Gathered>>) {
        self.batch = batch;
    }

    /// The assignments of its records.
    fn assignments(&self) -> impl Iterator<Item = &Arc<Assignment>> {
        let members = self.batch().map_or(&[][..], |batch| &batch.members);
        let others = members.iter().skip(1).map(|member| member.record.assignment());
        std::iter::once(self.record.assignment()).chain(others)
    }

    /// The context of another attempt, with the same state.
    pub(crate) fn renew(&mut self, record: &Record, attempt: u32) {
        self.record.become_another(record);
        self.attempt = attempt;
        self.published.take();
    }

    /// Whether messages wait for the attempt's success.
    #[inline]
    pub(crate) fn has_published(&self) -> bool {
        self.published.get().is_some()
    }

    /// Takes the messages that wait for the attempt's success.
    pub(crate) fn take_published(&mut self) -> Vec<Message> {
        let published = self.published.take().map(|published| published.into_inner());
        published.map_or_else(Vec::new, |published| {
            published.unwrap_or_else(PoisonError::into_inner)
        })
    }

    /// Sets how the record's datum is read, if its writer had another schema.
    pub(crate) fn set_plan(&mut self, plan: Option<Arc<Plan>>) {
        self.record.set_plan(plan);
    }

    /// A context without a running service, to call a handler as a plain function.
    ///
    /// Its record is empty and [`Context::publish`] fails.
    pub fn detached(state: S) -> Self {
        Self::new(State::new(Arc::new(state), None), Record::empty(), 1)
    }

    /// Makes it the context of a replay, to test what a handler does then.
    #[must_use]
    pub fn in_replay(mut self) -> Self {
        self.replay = true;
        self
    }

    /// Whether history is handled again, by the command `replay`. Events published then are discarded unless `--publish` is given;
    /// other effects of the handler, such as calls of other services or mail, are repeated unless it checks this.
    ///
    /// ```
    /// # use kaufmann::{Context, Failure};
    /// async fn welcome(email: &str, cx: &Context<()>) -> Result<(), Failure> {
    ///     if !cx.is_replay() {
    ///         send_mail(email).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # async fn send_mail(_: &str) -> Result<(), Failure> { Ok(()) }
    /// assert!(!Context::detached(()).is_replay());
    /// assert!(Context::detached(()).in_replay().is_replay());
    /// ```
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.replay
    }

    /// The record that carries the event; the first one of a batch.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The number of this attempt at the record under this assignment, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Publishes an event now and waits until the broker has it.
    ///
    /// With `delivery = "exactly_once"` it is sent together with the events that the handler returns, and only if the handler succeeds;
    /// then this does not wait for the broker.
    ///
    /// To *return* an event is usually better: it is published only if the handler succeeds. List events published here in
    /// `#[handler(emits = […])]`, so that the service knows them when it starts.
    ///
    /// # Errors
    ///
    /// If the event has no topic, its schema is not in the registry, the chosen partition does not exist, or the broker refuses it.
    /// Always in a batch handler with `delivery = "exactly_once"`: its records settle one by one, so it would be open with which of
    /// them the event is sent. Return it with the record's [`Outcome`](crate::Outcome).
    pub async fn publish<P: Publishable>(&self, event: &P) -> Result<(), PublishError> {
        let outgoing = event.outgoing();
        match &self.state.0.host {
            Some(host) => {
                let message = host.publish(outgoing, &self.record).await?;
                if let Some(message) = message {
                    if self.batch.is_some() {
                        return Err(PublishError::new(
                            PublishErrorKind::Detached,
                            format!(
                                "`{}` cannot be published by the handler of a batch with `delivery = \"exactly_once\"`, because its \
                                 records settle one by one; return it with the record that it belongs to",
                                P::INFO.name
                            ),
                        ));
                    }
                    let published = self.published.get_or_init(Box::default);
                    published
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(message);
                }
                Ok(())
            }
            None => Err(PublishError::detached(P::INFO.name)),
        }
    }

    /// Waits until the result for the record, or for one of a batch's, no longer counts: its partition was revoked or the service
    /// stops, and the time to finish has expired. The record will be handled again, perhaps by another instance; with at-most-once
    /// delivery ([`Delivery`](crate::config::Delivery)) it will not.
    pub async fn cancelled(&self) {
        if self.batch.is_none() {
            return self.record.assignment().cancelled().cancelled().await;
        }
        let each = self
            .assignments()
            .map(|assignment| Box::pin(assignment.cancelled().cancelled()));
        futures_util::future::select_all(each).await;
    }

    /// Whether the handler's result no longer counts.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.assignments()
            .any(|assignment| assignment.cancelled().is_cancelled())
    }
}

impl<S> State<S> {
    pub(crate) fn new(state: Arc<S>, host: Option<Box<dyn Host>>) -> Self {
        Self(Arc::new(Shared { state, host }))
    }

    /// The running service; `None` in a detached context.
    pub(crate) fn host(&self) -> Option<&dyn Host> {
        self.0.host.as_deref()
    }
}

impl<S> Deref for State<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0.state
    }
}

impl<S> Clone for State<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: fmt::Debug> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.state.fmt(f)
    }
}
