//! kaufmann as a program uses it: the real runtime with its own defaults.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kaufmann::publish::KafkaPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Context, Failure, Runtime, Service, handler};

use crate::arguments::Contend;
use crate::checks::Checks;
use crate::events::bench::{Purchased, PurchasedRef};
use crate::fill;

type State = Arc<Checks>;

#[handler(event = "bench.purchased")]
async fn owned(event: Purchased, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.handle(event.sequence, event.amount_cents);
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn borrowed(event: PurchasedRef<'_>, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.handle(event.sequence, event.amount_cents);
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn owned_slow(event: Purchased, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.handle_slowly(event.sequence, event.amount_cents).await;
    Ok(())
}

#[handler(event = "bench.purchased")]
async fn borrowed_slow(event: PurchasedRef<'_>, cx: &Context<State>) -> Result<(), Failure> {
    cx.state.handle_slowly(event.sequence, event.amount_cents).await;
    Ok(())
}

kaufmann::service! { pub(crate) struct Owned { state: State, handlers: [owned] } }
kaufmann::service! { pub(crate) struct Borrowed { state: State, handlers: [borrowed] } }
kaufmann::service! { pub(crate) struct OwnedSlow { state: State, handlers: [owned_slow] } }
kaufmann::service! { pub(crate) struct BorrowedSlow { state: State, handlers: [borrowed_slow] } }

pub(crate) fn run<V: Service<State = State>>(contend: &Contend, checks: &Arc<Checks>) -> Result<()> {
    let mut config = Config::default();
    config.brokers = vec![contend.brokers.clone()];
    config.group = contend.group.clone();
    config.topics = vec![contend.topic.clone()];
    config.max_in_flight = contend.in_flight;

    let registry = EmbeddedRegistry::new();
    registry.add_with_id(fill::SCHEMA_ID, "bench.Purchased", fill::schema())?;
    let done = Arc::clone(checks);
    let finished = tokio::runtime::Runtime::new()?.block_on(
        Runtime::<V>::builder(Arc::clone(checks))
            .config(&config)
            .source(KafkaSource::new(&config)?)
            .publisher(KafkaPublisher::new(&config)?)
            .registry(registry)
            .run(async move { done.done().await }),
    )?;
    ensure!(
        finished.drained && finished.settled == contend.records,
        "not everything was settled and committed: {finished:?}"
    );
    Ok(())
}
