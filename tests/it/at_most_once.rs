//! `delivery = "at_most_once"`: a record is committed before its handler begins, and never begins twice.

use std::time::Duration;

use kaufmann::Config;
use kaufmann::config::{Delivery, OnFailure};

use crate::rig::{Mishap, Rig, TOPIC, config, eventually};

fn at_most_once() -> Config {
    let mut config = config();
    config.delivery = Delivery::AtMostOnce;
    // So that no commit happens because the interval is over.
    config.commit_interval = Duration::from_secs(3600);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_begins_when_its_offset_is_committed_and_not_before() {
    let rig = Rig::start(&at_most_once());
    rig.feed.fail_commits(3);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.probe.open("k");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_begins_again_after_a_kill() {
    let rig = Rig::start(&at_most_once());
    rig.probe.close("k");
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    rig.begun("k", 0).await;
    let (feed, probe) = (rig.feed.clone(), rig.probe.clone());
    rig.abort().await;
    eventually("the service to leave its group", || feed.is_closed()).await;
    let begun = probe.log().begun["k"].len() as i64;
    let committed = feed.committed(TOPIC, 0).unwrap();
    assert!(begun <= committed, "{begun} begun, {committed} committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_max_in_flight_records_are_committed_and_unsettled() {
    let mut config = at_most_once();
    config.max_in_flight = 3;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    for number in 0..10 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 3).await;
    rig.begun("k", 0).await;
    rig.probe.open("k");
    rig.committed(0, 10).await;
    eventually("the last one", || rig.probe.log().done["k"].len() == 10).await;
    let log = rig.probe.log();
    assert_eq!(log.begun["k"], (0..10).collect::<Vec<_>>());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_the_last_one_and_the_record_is_dead_lettered() {
    let rig = Rig::start(&at_most_once());
    for (key, mishap) in [("fails", Mishap::Fail), ("panics", Mishap::Panic)] {
        rig.probe.mishap(key, mishap);
        rig.send(0, key, 0).await;
    }
    eventually("the letters", || rig.publisher.messages().len() == 2).await;
    let log = rig.probe.log();
    assert_eq!((&log.begun["fails"], &log.begun["panics"]), (&vec![0], &vec![0]));
    for letter in rig.publisher.messages() {
        assert_eq!(letter.headers.get("kaufmann-error-attempts"), Some(&b"1"[..]));
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_committed_records_and_begins_no_other() {
    let mut config = at_most_once();
    config.max_in_flight = 2;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    for number in 0..5 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 2).await;
    rig.begun("k", 0).await;
    let (feed, probe) = (rig.feed.clone(), rig.probe.clone());
    let stopped = tokio::spawn(rig.stop());
    probe.open("k");
    let finished = stopped.await.unwrap().unwrap();
    assert!(finished.drained);
    let done = probe.log().done["k"].len() as i64;
    assert_eq!(feed.committed(TOPIC, 0), Some(done));
    assert_eq!(probe.log().begun["k"].len() as i64, done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committed_records_of_a_revoked_partition_are_finished_here() {
    for lost in [true, false] {
        let rig = Rig::start(&at_most_once());
        rig.probe.close("k");
        for number in 0..3 {
            rig.send(0, "k", number).await;
        }
        rig.begun("k", 0).await;
        rig.committed(0, 3).await;
        if lost {
            rig.feed.lose(TOPIC, 0);
        } else {
            rig.feed.revoke(TOPIC, 0);
        }
        rig.probe.open("k");
        eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
        rig.feed.assign(TOPIC, 0);
        rig.send(0, "later", 0).await;
        eventually("the later record", || rig.probe.log().done.contains_key("later")).await;
        eventually("all of the key", || rig.probe.log().done["k"].len() == 3).await;
        assert_eq!(rig.probe.log().begun["k"], [0, 1, 2]);
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_not_finished_in_time_does_not_begin_again() {
    let mut config = at_most_once();
    config.revoke_deadline = Duration::ZERO;
    let rig = Rig::start(&config);
    rig.probe.close("k");
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    rig.feed.assign(TOPIC, 0);
    rig.send(0, "other", 0).await;
    eventually("another record", || rig.probe.log().done.contains_key("other")).await;
    rig.probe.open("k");
    assert_eq!(rig.probe.log().begun["k"], [0]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_sent_after_the_commit_of_its_cause_and_counts_as_in_flight_until_delivered() {
    let mut config = at_most_once();
    config.max_in_flight = 1;
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.hold();
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    eventually("the reply", || rig.publisher.held() == 1).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.publisher.release();
    eventually("the second reply", || rig.publisher.messages().len() == 2).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(2));
    assert_eq!(rig.stop().await.unwrap().settled, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_because_of_a_record_reports_that_it_is_not_read_again() {
    let mut config = at_most_once();
    config.on_failure = OnFailure::Stop;
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::Fail);
    rig.send(0, "k", 0).await;
    let feed = rig.feed.clone();
    let error = rig.end().await.unwrap_err().to_string();
    assert!(error.contains("in/0@0 is not read again"), "{error}");
    assert_eq!(feed.committed(TOPIC, 0), Some(1));
}
