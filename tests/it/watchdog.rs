//! What is said of events that run for long, and of partitions that stand still.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use kaufmann::Config;

use crate::rig::{Mishap, Rig, TOPIC, config, eventually};

/// What the watchdog said, of all tests of this process: each has a partition of its own.
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

/// A service with a watchdog that barks soon, and this partition.
fn start(mut config: Config, partition: i32) -> Rig {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("kaufmann::poller::watch=warn")
            .with_ansi(false)
            .with_writer(|| Log);
        subscriber.init();
    });
    config.watchdog.after = Duration::from_millis(20);
    let rig = Rig::unassigned(&config, kaufmann::registry::EmbeddedRegistry::new());
    rig.feed.assign(TOPIC, partition);
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_runs_for_long_is_said_again_and_again_and_that_it_is_over() {
    let rig = start(config(), 70);
    rig.probe.close("dawdler");
    rig.send(70, "dawdler", 0).await;
    let event = [
        "WARN",
        "an event has been running for long",
        "event=\"test.numbered\"",
        "handler=\"numbered\"",
        "record=\"in/70@0\"",
        "key=\"dawdler\"",
        "attempt=1",
    ];
    says(&event, 3).await;
    let why = [
        "a partition stands still",
        "partition=\"in/70\" offset=0",
        "`numbered` has been running for",
    ];
    says(&why, 1).await;
    rig.probe.open("dawdler");
    says(
        &["that had been running for long is over", "record=\"in/70@0\""],
        1,
    )
    .await;
    says(&["that stood still goes on", "partition=\"in/70\""], 1).await;
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_record_waits_to_be_tried_again_is_named_with_its_offset() {
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
async fn a_partition_whose_messages_are_not_delivered_is_named_with_the_reason() {
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
    says(&["that stood still goes on", "partition=\"in/72\""], 1).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_dead_letter_is_not_written_is_named_with_the_reason() {
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
    says(&["that stood still goes on", "partition=\"in/73\""], 1).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_next_record_finds_no_place_is_named_with_the_reason() {
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
            "it was not begun: all places are taken",
        ],
        1,
    )
    .await;
    rig.probe.open("k");
    rig.committed(75, 1).await;
    assert!(rig.stop().await.unwrap().drained);
}
