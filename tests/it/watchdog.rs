//! The watchdog's reports about events that run long, and partitions that stand still.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{MemoryRecord, memory};
use kaufmann::{Config, Context, Failure, Outgoing, Runtime, handler, service};
use tokio::sync::oneshot;

use crate::rig::{Mishap, Numbered, Probe, Rig, TOPIC, config, eventually};

/// The watchdog's reports from all tests of this process: each test has its own partition.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines(parts: &[&str]) -> usize {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&log);
    let fits = |line: &&str| parts.iter().all(|part| line.contains(part));
    text.lines().filter(fits).count()
}

async fn says(parts: &[&str], least: usize) {
    eventually(&format!("{least} lines with {parts:?}"), || lines(parts) >= least).await;
}

/// A service with a short `watchdog.after`, and this partition.
fn start(mut config: Config, partition: i32) -> Rig {
    log();
    config.watchdog.after = Duration::from_millis(20);
    let rig = Rig::unassigned(&config, EmbeddedRegistry::new());
    rig.feed.assign(TOPIC, partition);
    rig
}

fn log() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("kaufmann::engine::poller::watch=warn")
            .with_ansi(false)
            .with_writer(|| Log);
        subscriber.init();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_runs_long_is_reported_repeatedly_and_its_end_too() {
    let rig = start(config(), 70);
    rig.probe.close("dawdler");
    rig.send(70, "dawdler", 0).await;
    let event = [
        "WARN",
        "a handler has been running for a long time",
        "event=\"test.numbered\"",
        "handler=\"numbered\"",
        "record=\"in/70@0\"",
        "key=\"dawdler\"",
        "attempt=1",
    ];
    says(&event, 3).await;
    let why = [
        "a partition is stalled",
        "partition=\"in/70\" offset=0",
        "`numbered` has been running for",
    ];
    says(&why, 1).await;
    rig.probe.open("dawdler");
    says(&["the long-running handler has ended", "record=\"in/70@0\""], 1).await;
    says(&["the partition is no longer stalled", "partition=\"in/70\""], 1).await;
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_record_waits_for_a_retry_is_reported_with_its_offset() {
    let mut config = config();
    config.retry.initial = Duration::from_secs(3600);
    config.retry.max = Duration::from_secs(3600);
    config.shutdown_deadline = Duration::from_millis(20);
    let rig = start(config, 71);
    rig.send(71, "fine", 0).await;
    rig.committed(71, 1).await;
    rig.probe.mishap("k", Mishap::Fail);
    rig.send(71, "k", 0).await;
    rig.send(71, "fine", 1).await;
    let line = [
        "partition=\"in/71\" offset=1",
        "it failed and waits to be tried again: attempt 2 in",
    ];
    says(&line, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_messages_are_not_delivered_is_reported_with_the_reason() {
    let rig = start(config(), 72);
    rig.publisher.hold();
    rig.probe.reply();
    rig.send(72, "k", 0).await;
    says(
        &[
            "partition=\"in/72\" offset=0",
            "waits for its messages to be delivered",
        ],
        1,
    )
    .await;
    rig.publisher.release();
    says(&["the partition is no longer stalled", "partition=\"in/72\""], 1).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_dead_letter_is_not_written_is_reported_with_the_reason() {
    let rig = start(config(), 73);
    rig.publisher.hold();
    rig.probe.mishap("k", Mishap::DeadLetter);
    rig.send(73, "k", 0).await;
    says(
        &[
            "partition=\"in/73\" offset=0",
            "its dead letter or error event is not written yet",
        ],
        1,
    )
    .await;
    rig.publisher.release();
    says(&["the partition is no longer stalled", "partition=\"in/73\""], 1).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_next_record_finds_no_slot_is_reported_with_the_reason() {
    let mut config = config();
    config.max_in_flight = 1;
    let rig = start(config, 74);
    rig.probe.close("k");
    rig.send(74, "k", 0).await;
    rig.begun("k", 0).await;
    rig.feed.assign(TOPIC, 75);
    rig.send(75, "k", 0).await;
    says(
        &[
            "partition=\"in/75\" offset=0",
            "it has not started: as many records run as `max_in_flight` allows",
        ],
        1,
    )
    .await;
    rig.probe.open("k");
    rig.committed(75, 1).await;
    assert!(rig.stop().await.unwrap().drained);
}

/// Keys whose handlers block their thread.
static SHUT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static OPENED: Condvar = Condvar::new();
/// The keys of handlers that block.
static BLOCKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn open(key: &str) {
    SHUT.lock().unwrap().remove(key);
    OPENED.notify_all();
}

/// Blocks its thread until its key is opened; with a number below zero it first awaits.
#[handler(event = "test.numbered")]
async fn stuck(event: Numbered, _: &Context<Probe>) -> Result<(), Failure> {
    if event.number < 0 {
        tokio::task::yield_now().await;
    }
    let mut shut = SHUT.lock().unwrap();
    while shut.contains(&event.key) {
        BLOCKED.lock().unwrap().insert(event.key.clone());
        shut = OPENED.wait(shut).unwrap();
    }
    Ok(())
}

service! {
    /// Blocks its threads.
    struct Blocking {
        state: Probe,
        handlers: [stuck],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_is_reported_with_its_record() {
    log();
    let mut config = config();
    config.watchdog.after = Duration::from_millis(20);
    for (partition, key, number) in [(76, "at once", 0), (77, "after a wait", -1)] {
        let rig = Rig::of_partition::<Blocking>(&config, partition);
        SHUT.lock().unwrap().insert(key.to_owned());
        rig.send(partition, "fine", 0).await;
        rig.committed(partition, 1).await;
        rig.send(partition, key, number).await;
        let (record, key_field) = (format!("record=\"in/{partition}@1\""), format!("key=\"{key}\""));
        let line = [
            "shards do not answer: stuck blocks its thread",
            "event=\"test.numbered\"",
            "handler=\"stuck\"",
            &record,
            &key_field,
            "attempt=1",
        ];
        says(&line, 2).await;
        open(key);
        rig.committed(partition, 2).await;
        rig.stop().await.unwrap();
    }
    says(&["all shards answer again"], 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_block_every_thread_are_named_at_the_end() {
    let mut config = config();
    config.shutdown_deadline = Duration::from_millis(50);
    let (source, feed) = memory();
    let registry = EmbeddedRegistry::new();
    let id = registry
        .register(Numbered::FULL_NAME, Numbered::SCHEMA)
        .await
        .unwrap();
    feed.assign(TOPIC, 0);
    let keys: Vec<String> = (0..64).map(|number| format!("door{number}")).collect();
    SHUT.lock().unwrap().extend(keys.iter().cloned());
    for key in &keys {
        let event = Numbered {
            key: key.clone(),
            number: 0,
        };
        let mut payload = vec![0];
        payload.extend_from_slice(&id.to_be_bytes());
        payload.extend_from_slice(&Outgoing::new(&event).datum);
        feed.push(TOPIC, 0, MemoryRecord::new(payload).key(&**key));
    }
    let blocked = || {
        BLOCKED
            .lock()
            .unwrap()
            .iter()
            .filter(|key| key.starts_with("door"))
            .count()
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let service = Runtime::<Blocking>::builder(Probe::default())
        .config(&config)
        .source(source)
        .publisher(MemoryPublisher::new())
        .registry(registry)
        .run(async { _ = stopped.await });
    let steps = async {
        // The test's thread is not a worker; the workers' timers stop when all of them are blocked.
        let begun = Instant::now();
        while blocked() < 2 {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "both workers are blocked"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(stop);
    };
    let (finished, ()) = tokio::join!(service, steps);
    let finished = finished.unwrap();
    keys.iter().for_each(|key| open(key));
    assert!(!finished.drained);
    let named = |line: &&String| {
        line.starts_with("`stuck` blocks its thread: test.numbered of in/0@") && line.contains("(key door")
    };
    assert_eq!(finished.blocked.iter().filter(named).count(), 2, "{finished:?}");
}
