//! How a service ends.

use std::time::Duration;

use crate::rig::{Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_service_finishes_running_records_starts_none_and_commits() {
    let mut config = config();
    config.commit_interval = Duration::from_secs(3600);
    config.max_in_flight = 1;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.send(0, "other", 0).await;
    rig.begun("k", 0).await;
    let (probe, feed) = (rig.probe.clone(), rig.feed.clone());
    let stopping = tokio::spawn(rig.stop());
    // The gate opens only after the stop, so the handler finishes whenever the stop is noticed.
    probe.open("k");
    let finished = stopping.await.unwrap().unwrap();
    assert!(finished.drained && finished.blocked.is_empty());
    assert_eq!(probe.log().done["k"], [0]);
    let handled = finished.settled as i64;
    assert_eq!(feed.committed(TOPIC, 0), Some(handled));
    assert!(feed.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_deadline_it_ends_anyway_and_names_the_running_handlers() {
    let mut config = config();
    config.shutdown_deadline = Duration::from_millis(20);
    let rig = Rig::start(&config);
    rig.probe.close("stuck");
    rig.send(0, "fine", 0).await;
    rig.send(0, "stuck", 0).await;
    rig.begun("stuck", 0).await;
    rig.committed(0, 1).await;
    let feed = rig.feed.clone();
    let finished = rig.stop().await.unwrap();
    assert!(!finished.drained);
    assert_eq!(finished.blocked.len(), 1);
    let expected = "test.numbered of in/0@1 (key stuck), attempt 1, running for";
    assert!(
        finished.blocked[0].starts_with(expected),
        "{:?}",
        finished.blocked
    );
    assert_eq!(feed.committed(TOPIC, 0), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_not_delivered_in_time_leaves_its_cause_uncommitted() {
    let mut config = config();
    config.shutdown_deadline = Duration::from_millis(20);
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.hold();
    rig.send(0, "k", 0).await;
    let publisher = rig.publisher.clone();
    eventually("the reply", || publisher.held() == 1).await;
    let feed = rig.feed.clone();
    let finished = rig.stop().await.unwrap();
    assert!(!finished.drained);
    assert_eq!(feed.committed(TOPIC, 0).unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_records_ends_at_once() {
    let rig = Rig::start(&config());
    let finished = rig.stop().await.unwrap();
    assert!(finished.drained);
    assert_eq!(finished.settled, 0);
}

#[tokio::test]
async fn it_runs_on_a_current_thread_runtime_too() {
    let rig = Rig::start(&config());
    for number in 0..100 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 100).await;
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_dropped_commits_what_is_settled_and_leaves_its_group() {
    let mut config = config();
    config.commit_interval = Duration::from_secs(3600);
    config.max_unsettled = 2;
    let rig = Rig::start(&config);
    rig.probe.close("stuck");
    rig.probe.close("third");
    for key in ["fine", "stuck", "third"] {
        rig.send(0, key, 0).await;
    }
    // It is read once the first one is settled.
    rig.begun("third", 0).await;
    let feed = rig.feed.clone();
    rig.abort().await;
    eventually("the group to be left", || feed.is_closed()).await;
    assert_eq!(feed.committed(TOPIC, 0), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_an_invalid_value_in_its_config_does_not_start() {
    let mut config = config();
    config.commit_interval = Duration::ZERO;
    let error = Rig::start(&config).end().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`commit_interval` is \"0s\", expected a duration of at least 10ms"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_service_starts_no_record_finishes_running_ones_and_stays_in_its_group() {
    let rig = Rig::start(&config());
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.handle.quiet();
    // The round that answers the revocation has seen the quiet before.
    rig.feed.assign(TOPIC, 1);
    rig.feed.revoke(TOPIC, 1);
    let feed = rig.feed.clone();
    eventually("partition 1 to be released", || !feed.is_assigned(TOPIC, 1)).await;
    rig.send(0, "new", 1).await;
    rig.probe.open("k");
    rig.committed(0, 1).await;
    assert!(rig.feed.is_assigned(TOPIC, 0) && !rig.feed.is_closed());
    assert!(!rig.probe.log().begun.contains_key("new"));

    rig.handle.drain();
    let (probe, feed) = (rig.probe.clone(), rig.feed.clone());
    let finished = rig.end().await.unwrap();
    assert!(finished.drained && feed.is_closed());
    assert_eq!((finished.settled, feed.committed(TOPIC, 0)), (1, Some(1)));
    assert!(!probe.log().begun.contains_key("new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_finishes_running_records_commits_and_leaves() {
    let rig = Rig::start(&config());
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    let (probe, feed) = (rig.probe.clone(), rig.feed.clone());
    rig.handle.drain();
    probe.open("k");
    let finished = rig.end().await.unwrap();
    assert!(finished.drained && feed.is_closed());
    assert_eq!((finished.settled, feed.committed(TOPIC, 0)), (1, Some(1)));
}
