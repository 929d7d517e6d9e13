//! Offsets without a record: transaction markers, aborted records, records removed by compaction.

use std::time::Duration;

use kaufmann::Config;
use kaufmann::config::Delivery;
use kaufmann::source::MemoryRecord;

use crate::rig::{Numbered, Rig, TOPIC, config, eventually};

fn delivering(delivery: Delivery) -> Config {
    let mut config = config();
    config.delivery = delivery;
    config.exactly_once.interval = Duration::from_millis(5);
    config
}

/// Every delivery mode.
fn all() -> Vec<Config> {
    let mut ahead = config();
    ahead.commit_ahead = true;
    let ways = [Delivery::AtLeastOnce, Delivery::ExactlyOnce, Delivery::AtMostOnce];
    ways.into_iter().map(delivering).chain([ahead]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_without_a_record_are_committed_in_every_delivery_mode() {
    for config in all() {
        let rig = Rig::start(&config);
        rig.feed.assign(TOPIC, 1);
        rig.send(0, "k", 0).await;
        let end = rig.feed.gap(TOPIC, 0, 2);
        rig.committed(0, end).await;
        // A partition of only aborted records, and a marker that comes when all is committed.
        rig.feed.gap(TOPIC, 1, 3);
        rig.committed(1, 3).await;
        let end = rig.feed.gap(TOPIC, 0, 1);
        rig.committed(0, end).await;
        let last = rig.send(0, "k", 1).await;
        rig.committed(0, last + 1).await;
        // At most once it is committed before it is handled.
        eventually("both to be handled", || {
            rig.probe.log().done.get("k").is_some_and(|done| *done == [0, 1])
        })
        .await;
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_after_an_unsettled_record_is_committed() {
    for config in [
        delivering(Delivery::AtLeastOnce),
        delivering(Delivery::ExactlyOnce),
    ] {
        let rig = Rig::start(&config);
        rig.feed.assign(TOPIC, 1);
        rig.probe.close("k");
        rig.send(0, "k", 0).await;
        rig.feed.gap(TOPIC, 0, 2);
        rig.begun("k", 0).await;
        rig.send(1, "other", 0).await;
        rig.committed(1, 1).await;
        assert_eq!(rig.feed.committed(TOPIC, 0), Some(0), "where reading began");
        rig.probe.open("k");
        rig.committed(0, 3).await;
        rig.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_service_commits_nothing_again() {
    for config in all() {
        let rig = Rig::simulated(&config);
        rig.send(0, "k", 0).await;
        rig.feed.gap(TOPIC, 0, 1);
        rig.committed(0, 2).await;
        let commits = rig.feed.commits();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(rig.feed.commits(), commits, "{:?}", config.delivery);
        rig.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_waits_in_a_retry_topic_is_not_skipped_and_the_marker_after_it_is_committed_in_the_end()
{
    let mut config = config();
    config.retry.topics.delays = vec![Duration::from_secs(60)];
    let rig = Rig::simulated(&config);
    let topic = "tests.retry.1m";
    rig.feed.assign(topic, 0);
    let event = Numbered {
        key: "k".into(),
        number: 7,
    };
    // A record waits at most its topic's delay.
    let record = MemoryRecord::new(rig.payload(&event).await)
        .key("k")
        .header("kaufmann-retry-due", "2999-01-01T00:00:00Z");
    rig.feed.push(topic, 0, record);
    rig.feed.gap(topic, 0, 1);
    eventually("where reading began", || rig.feed.committed(topic, 0) == Some(0)).await;
    assert!(rig.probe.log().begun.is_empty(), "it is not due");
    eventually("the end", || rig.feed.committed(topic, 0) == Some(2)).await;
    rig.stop().await.unwrap();
}
