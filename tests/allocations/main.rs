//! How often a record allocates on its way through the whole runtime: source, lanes, decoding, handler, settling, commit.
//!
//! A separate binary, because its allocator counts. It counts for each thread, so everything runs on one. The difference between two
//! runs, one with twice the records of the other, is the cost of the records: the cost of the start is in both.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

kaufmann::include_events!();

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use events::test::{Numbered, NumberedRef};
use kaufmann::__private::Simulation;
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{MemoryRecord, memory};
use kaufmann::{Config, Context, Event, Failure, Outgoing, Runtime, Service, handler, service};
use tokio::sync::Notify;

const RECORDS: u64 = 20_000;
/// The most allocations that many records may share (batches, commits): one for fifty records. It is about half of that, and varies
/// a little with the clock's ticks.
const FOR_MANY: u64 = RECORDS / 50;

#[derive(Clone)]
struct Tally(Arc<Inner>);

struct Inner {
    left: AtomicU64,
    done: Notify,
}

impl Tally {
    fn of(records: u64) -> Self {
        Self(Arc::new(Inner {
            left: AtomicU64::new(records),
            done: Notify::new(),
        }))
    }

    fn handled(&self) {
        if self.0.left.fetch_sub(1, Relaxed) == 1 {
            self.0.done.notify_one();
        }
    }
}

#[handler(event = "test.numbered")]
async fn owned(event: Numbered, cx: &Context<Tally>) -> Result<(), Failure> {
    assert!(!event.key.is_empty());
    cx.state.handled();
    Ok(())
}

#[handler(event = "test.numbered")]
async fn borrowed(event: NumberedRef<'_>, cx: &Context<Tally>) -> Result<(), Failure> {
    assert!(!event.key.is_empty());
    cx.state.handled();
    Ok(())
}

#[handler(event = "test.numbered")]
async fn waiting(event: NumberedRef<'_>, cx: &Context<Tally>) -> Result<(), Failure> {
    assert!(!event.key.is_empty());
    tokio::task::yield_now().await;
    cx.state.handled();
    Ok(())
}

service! { pub(crate) struct Owned { state: Tally, handlers: [owned] } }
service! { pub(crate) struct Borrowed { state: Tally, handlers: [borrowed] } }
service! { pub(crate) struct Waiting { state: Tally, handlers: [waiting] } }

/// How often a service allocates between its start and its end, with this many records waiting.
fn allocations<V: Service<State = Tally>>(records: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (source, feed) = memory();
    let registry = EmbeddedRegistry::new();
    let id = runtime
        .block_on(registry.register(Numbered::INFO.full_name, Numbered::INFO.schema))
        .unwrap();
    for number in 0..records {
        let key = format!("key {}", number % 100);
        let event = Numbered {
            key: key.clone(),
            number: number as i64,
        };
        let mut payload = vec![0];
        payload.extend_from_slice(&id.to_be_bytes());
        payload.extend_from_slice(&Outgoing::new(&event).datum);
        feed.push("in", 0, MemoryRecord::new(payload).key(key));
    }
    feed.assign("in", 0);

    let mut config = Config::default();
    config.group = "tests".into();
    // Only the last commit is left.
    config.commit_interval = Duration::from_secs(600);
    let tally = Tally::of(records);
    let seen = tally.clone();
    let mut finished = None;
    let counted = allocation_counter::measure(|| {
        let service = Runtime::<V>::builder(tally)
            .config(&config)
            .source(source)
            .publisher(MemoryPublisher::new())
            .registry(registry)
            .simulation(Simulation {
                shards: 2,
                hash_seed: 7,
                others_first: Arc::new(|| false),
                wall_clock: None,
            })
            .run(async move { seen.0.done.notified().await });
        finished = Some(runtime.block_on(service).unwrap());
    });
    assert_eq!(finished.unwrap().settled, records);
    assert_eq!(feed.committed("in", 0), Some(records as i64));
    counted.count_total
}

/// How often it allocates for `RECORDS` more records.
fn for_more<V: Service<State = Tally>>() -> u64 {
    // The first run also allocates what the thread keeps.
    allocations::<V>(100);
    let once = allocations::<V>(RECORDS);
    allocations::<V>(2 * RECORDS).saturating_sub(once)
}

#[test]
fn a_record_that_is_borrowed_costs_no_allocation() {
    let count = for_more::<Borrowed>();
    assert!(count <= FOR_MANY, "{count} allocations for {RECORDS} records");
}

#[test]
fn a_record_that_is_owned_costs_only_the_allocations_of_its_event() {
    // The event has one string.
    let count = for_more::<Owned>();
    assert!(
        count >= RECORDS,
        "{count}: the text of each of {RECORDS} records is allocated"
    );
    assert!(
        count <= RECORDS + FOR_MANY,
        "{count} allocations for {RECORDS} records with a text each"
    );
}

#[test]
fn a_record_whose_handler_waits_costs_at_most_four_allocations() {
    // Its entry among the pending handlers, and copies of its parts, which let the batch go.
    let count = for_more::<Waiting>();
    assert!(
        count <= 4 * RECORDS,
        "{count} allocations for {RECORDS} records whose handlers wait"
    );
}
