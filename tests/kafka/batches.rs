//! A handler that takes batches, while partitions move and events fail.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{
    Batch, Config, Context, Event, Failure, Finished, Handle, Outcome, Outgoing, Runtime, handler, service,
};
use kaufmann_tests::rig::{Client, Record, Rig, wait_until};

use crate::shop::DEADLINE;

kaufmann::include_events!();
use events::test::Numbered;

crate::tests![batches_skip_nothing_and_keep_their_keys_order_while_partitions_move_and_events_fail];

const NAME: &str = "batches";
const KEYS: i64 = 40;
const EVENTS: i64 = 3_000;

/// The handled events, by key, in order, and the size of the largest batch.
type Handled = (BTreeMap<String, Vec<i64>>, usize);

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Handled>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Handled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[handler(event = "test.numbered", batch = 50, linger = "20ms")]
async fn each(batch: Batch<Numbered>, cx: &Context<Seen>) -> Result<Vec<Outcome>, Failure> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut seen = cx.state.lock();
    seen.1 = seen.1.max(batch.len());
    let mut failed = HashSet::new();
    let outcomes = batch.into_iter().map(|item| {
        let attempt = item.attempt();
        let Numbered { key, number } = item.event;
        if number % 97 == 0 && attempt == 1 {
            failed.insert(key);
            return Outcome::failed("told to fail");
        }
        if !failed.contains(&key) {
            seen.0.entry(key).or_default().push(number);
        }
        // After a failing one it is handled again, whatever its outcome.
        Outcome::done()
    });
    Ok(outcomes.collect())
}

service! {
    struct Batches {
        state: Seen,
        handlers: [each],
    }
}

type Running = (Handle, JoinHandle<Result<Finished>>);

fn start(brokers: String, registry: &EmbeddedRegistry, seen: &Seen) -> Result<Running> {
    let mut config = Config::default();
    config.brokers = vec![brokers];
    config.group = NAME.to_owned();
    config.topics = vec![NAME.to_owned()];
    let handle = Handle::new();
    let service = Runtime::<Batches>::builder(seen.clone())
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .publisher(MemoryPublisher::new())
        .registry(registry.clone())
        .handle(&handle);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(runtime.block_on(service.run(std::future::pending()))?)
    });
    Ok((handle, thread))
}

fn stop((handle, thread): Running) -> Result<Finished> {
    handle.drain();
    wait_until("the service should end", DEADLINE, || {
        Ok(thread.is_finished().then_some(()))
    })?;
    thread.join().map_err(|_| anyhow!("the service panicked"))?
}

/// This many events, beginning with this number; consecutive numbers of a key differ by [`KEYS`].
fn produce(client: &Client, id: u32, from: i64, count: i64) -> Result<()> {
    let record = |number: i64| {
        let key = format!("key-{}", number % KEYS);
        let datum = Outgoing::new(&Numbered {
            key: key.clone(),
            number: number / KEYS,
        })
        .datum;
        Record {
            partition: -1,
            ..Record::new(Some(&key), Some([&[0], &id.to_be_bytes()[..], &datum].concat()))
        }
    };
    let records: Vec<_> = (from..from + count).map(record).collect();
    client.produce(NAME, &records)
}

fn batches_skip_nothing_and_keep_their_keys_order_while_partitions_move_and_events_fail(
    rig: &Rig,
) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic(NAME, 4, &[])?;
    let registry = EmbeddedRegistry::new();
    let id = registry.add(Numbered::INFO.full_name, Numbered::INFO.schema)?;
    let (brokers, seen) = (servers.kafka.brokers(), Seen::default());

    produce(&client, id, 0, EVENTS / 3)?;
    let first = start(brokers.clone(), &registry, &seen)?;
    wait_until("events should be handled", DEADLINE, || {
        Ok((!seen.lock().0.is_empty()).then_some(()))
    })?;
    let second = start(brokers, &registry, &seen)?;
    produce(&client, id, EVENTS / 3, EVENTS / 3)?;
    assert!(stop(first)?.drained);
    produce(&client, id, EVENTS / 3 * 2, EVENTS / 3)?;
    client.wait_committed(NAME, NAME, DEADLINE)?;
    assert!(stop(second)?.drained);

    let (seen, largest) = seen.lock().clone();
    assert!(largest > 1, "no batch had more than one event");
    assert_eq!(seen.len(), usize::try_from(KEYS)?);
    for (key, numbers) in seen {
        let mut next = 0;
        for number in numbers {
            assert!(number <= next, "{key} went from {next} to {number}");
            next = next.max(number + 1);
        }
        assert_eq!(next, EVENTS / KEYS, "{key} ends early");
    }
    Ok(())
}
