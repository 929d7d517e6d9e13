//! kaufmann as a program uses it: the real runtime with its own defaults.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bench_checks::{Checks, Contend, Kind, SCHEMA_ID};
use futures_util::future::try_join_all;
use kaufmann::config::{Delivery, Ordering};
use kaufmann::publish::{Completion, KafkaPublisher, Message, Publisher, Rejected, Undelivered};
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Context, Event, Failure, Observer, Record, Runtime, Service, Settled, handler};

#[cfg(feature = "many")]
mod many;

#[cfg(feature = "many")]
pub(crate) use many::Many;

use super::producing::{reply, rounds};
use crate::events::bench::{Acknowledged, Purchased, PurchasedRef};
use crate::fill;

/// The state of the handlers.
#[derive(Clone)]
pub(crate) struct State {
    checks: Arc<Checks>,
    contend: Arc<Contend>,
}

#[handler(event = "bench.purchased")]
async fn owned(event: Purchased, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.checks.handle(event.sequence, event.amount_cents);
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn borrowed(event: PurchasedRef<'_>, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.checks.handle(event.sequence, event.amount_cents);
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn owned_slow(event: Purchased, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.checks.work(event.sequence, event.amount_cents).await;
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn borrowed_slow(event: PurchasedRef<'_>, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.checks.work(event.sequence, event.amount_cents).await;
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn replying(event: Purchased, cx: &Context<State>) -> Result<Acknowledged, Failure> {
    cx.state.checks.handle(event.sequence, event.amount_cents);
    Ok(reply(event))
}

/// Publishes in rounds of as many events as may wait for the broker at once.
#[handler(event = "bench.purchased", emits = [Acknowledged])]
async fn publishing(event: Purchased, cx: &Context<State>) -> Result<(), Failure> {
    for round in rounds(&cx.state.contend) {
        let events: Vec<_> = round.replies(&event).collect();
        try_join_all(events.iter().map(|event| cx.publish(event))).await?;
        round.published(&cx.state.checks);
    }
    Ok(())
}

kaufmann::service! { pub(crate) struct Owned { state: State, handlers: [owned] } }
kaufmann::service! { pub(crate) struct Borrowed { state: State, handlers: [borrowed] } }
kaufmann::service! { pub(crate) struct OwnedSlow { state: State, handlers: [owned_slow] } }
kaufmann::service! { pub(crate) struct BorrowedSlow { state: State, handlers: [borrowed_slow] } }
kaufmann::service! { pub(crate) struct Replying { state: State, handlers: [replying] } }
kaufmann::service! { pub(crate) struct Publishing { state: State, handlers: [publishing] } }

/// Counts settled records; with transactions, committed ones.
struct Settling(Arc<Checks>);

impl Observer for Settling {
    fn settled(&self, _: &Record, _: Option<&str>, _: Settled<'_>) {
        self.0.settled();
    }
}

/// Counts delivered replies: a delivery settles the record. An observer could count too, but each record would be copied for it.
struct Counting(KafkaPublisher, Arc<Checks>);

impl Publisher for Counting {
    fn send(&self, message: Message, done: Completion) -> Result<(), Rejected> {
        let checks = Arc::clone(&self.1);
        let done = Box::new(move |result: Result<(), Undelivered>| {
            let is_delivered = result.is_ok();
            done(result);
            if is_delivered {
                checks.settled();
            }
        });
        let sent = self.0.send(message, done);
        // A message that is sent again would be counted twice.
        assert!(
            sent.is_ok(),
            "the queue is full, although it is larger than `max_outstanding`"
        );
        sent
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }
}

pub(crate) fn run<V: Service<State = State>>(
    contend: &Contend,
    checks: &Arc<Checks>,
    ordering: Ordering,
) -> Result<()> {
    let config = config(contend, ordering);
    let registry = EmbeddedRegistry::new();
    registry.add_with_id(SCHEMA_ID, "bench.Purchased", fill::schema())?;
    registry.add_with_id(SCHEMA_ID + 1, "bench.Acknowledged", Acknowledged::INFO.schema)?;
    #[cfg(feature = "many")]
    for (number, (name, schema)) in (0..).zip(many::EVENTS) {
        registry.add_with_id(bench_checks::schema_id(number), name, schema)?;
    }
    let state = State {
        checks: Arc::clone(checks),
        contend: Arc::new(contend.clone()),
    };
    let builder = Runtime::<V>::builder(state)
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .registry(registry);
    let publisher = KafkaPublisher::new(&config)?;
    let builder = match (contend.kind, config.delivery) {
        (Kind::Reply, Delivery::ExactlyOnce) => builder
            .publisher(publisher)
            .observer(Settling(Arc::clone(checks))),
        (Kind::Reply, _) => builder.publisher(Counting(publisher, Arc::clone(checks))),
        _ => builder.publisher(publisher),
    };
    let done = Arc::clone(checks);
    let service = builder.run(async move { done.done().await });
    let finished = tokio::runtime::Runtime::new()?.block_on(service)?;
    let all_settled = match contend.kind {
        Kind::Publish => finished.settled == 1,
        Kind::Window => true,
        _ => finished.settled == contend.records,
    };
    ensure!(
        finished.drained && all_settled,
        "not everything was settled and committed: {finished:?}"
    );
    Ok(())
}

fn config(contend: &Contend, ordering: Ordering) -> Config {
    let mut config = Config::default();
    config.brokers = vec![contend.brokers.clone()];
    config.group = contend.group.clone();
    config.topics = vec![contend.topic.clone()];
    config.ordering = ordering;
    config.max_in_flight = contend.in_flight;
    if contend.name == "kaufmann-once" {
        config.delivery = Delivery::ExactlyOnce;
    }
    if contend.kind == Kind::Reply {
        config.publish.max_outstanding = contend.outstanding;
    }
    if let Some(topic) = &contend.reply_topic {
        let event = Acknowledged::NAME.to_owned();
        config.publish.topics.insert(event, topic.clone());
        config
            .kafka
            .insert("producer.linger.ms".to_owned(), contend.linger.to_string());
    }
    config
}
