//! RustStream with ruststream-rdkafka: `ruststream` has one worker, `ruststream-keys` a lane by the record's key for each handler that may
//! be in flight.
//!
//! It commits precisely, uses its Avro codec with a registry, and the fetch setting that its documentation shows for full queues.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, bail};
use bench_checks::{Checks, Contend, Kind, Order, Purchased};
use clap::Parser;
use ruststream::runtime::{Context, Handle, HandlerOutcome};
use ruststream_rdkafka::avro::AvroCodec;
use ruststream_rdkafka::prelude::*;
use ruststream_rdkafka::{SchemaPrefetch, SchemaRegistry};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    contend: Contend,
}

struct Purchase;

static RUN: OnceLock<(Kind, Arc<Checks>)> = OnceLock::new();

impl Handle<Purchased> for Purchase {
    async fn handle(
        &self,
        event: &Purchased,
        _outs: &(),
        _context: &mut Context<'_>,
    ) -> Result<(), HandlerOutcome> {
        let (kind, checks) = RUN.get().ok_or_else(HandlerOutcome::drop)?;
        match kind {
            Kind::Drain => checks.handle(event.sequence, event.amount_cents),
            _ => checks.work(event.sequence, event.amount_cents).await,
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let contend = Cli::parse().contend;
    let lanes = match contend.name.as_str() {
        "ruststream" => None,
        "ruststream-keys" => Some(NonZeroUsize::new(contend.in_flight).context("`--in-flight` is 0")?),
        other => bail!("there is no contender `{other}`"),
    };
    if matches!(contend.kind, Kind::Reply | Kind::Publish) {
        bail!("this contender does not produce");
    }
    let checks = Arc::new(Checks::new(&contend, Order::Key));
    _ = RUN.set((contend.kind, Arc::clone(&checks)));

    let registry = contend.registry.as_deref().context("`--registry` is missing")?;
    let prefetch = SchemaPrefetch::new(SchemaRegistry::new(registry));
    let codec = AvroCodec::registry(&prefetch);
    let broker = KafkaBroker::new([contend.brokers.as_str()])
        .default_group(&contend.group)
        .schema_prefetch(prefetch);
    let topic = KafkaTopic::new(&contend.topic)
        .group(&contend.group)
        .start(StartOffset::Earliest)
        .commit(Commit::Tracked)
        .lane_key(LaneKey::RecordKey)
        .config("fetch.queue.backoff.ms", "5");
    let name: &'static str = "purchases";
    let app =
        RustStream::new(AppInfo::new("bench", "0.1.0")).with_broker_codec(broker, codec, |b| match lanes {
            Some(lanes) => {
                _ = b.include(
                    subscriber(name, Purchase)
                        .workers_by_key(lanes)
                        .build()
                        .map_source(|_| topic),
                )
            }
            None => _ = b.include(subscriber(name, Purchase).build().map_source(|_| topic)),
        });
    let done = Arc::clone(&checks);
    tokio::runtime::Runtime::new()?.block_on(app.run_until(async move { done.done().await }))?;
    checks.print(&contend)
}
