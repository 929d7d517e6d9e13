//! Many failures at once: waiting records are bounded, healthy keys go on, and the service stops when it cannot go on.

use std::time::Duration;

use kaufmann::source::MemoryRecord;
use kaufmann::{Config, ErrorKind};

use crate::rig::{Mishap, Rig, TOPIC, config, eventually};

/// Back-offs of seconds, and no limit of dead letters.
fn patient() -> Config {
    let mut config = config();
    config.retry.initial = Duration::from_secs(1);
    config.retry.max = Duration::from_secs(10);
    config.dead_letter.max_share = 1.0;
    config.dead_letter.max_consecutive = 0;
    config
}

#[tokio::test(start_paused = true)]
async fn many_failures_neither_grow_memory_nor_delay_other_keys() {
    let mut config = patient();
    config.retry.max_waiting = 20;
    config.max_unsettled = 200;
    let rig = Rig::observed(&config);
    for number in 0..1000 {
        rig.probe.mishap(&format!("bad{number}"), Mishap::FailOften(100));
        rig.send(0, &format!("bad{number}"), number).await;
        rig.send(0, &format!("good{number}"), number).await;
    }
    rig.committed(0, 2000).await;
    let log = rig.probe.log();
    let good: usize = log.done.values().map(Vec::len).sum();
    assert_eq!((good, log.dead_letters), (1000, 1000));
    assert!(
        log.most_waiting <= 20 + config.max_in_flight,
        "{}",
        log.most_waiting
    );
    let cut_short = rig
        .publisher
        .messages()
        .iter()
        .filter(|letter| letter.headers.get("kaufmann-error-cut-short").is_some())
        .count();
    assert!(cut_short > 900, "{cut_short}");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_everything_fails_nothing_new_begins_and_a_stop_does_not_wait() {
    let mut config = patient();
    config.retry.initial = Duration::from_secs(3600);
    config.retry.max = Duration::from_secs(3600);
    config.retry.max_waiting = 8;
    config.max_in_flight = 4;
    let rig = Rig::observed(&config);
    rig.probe.set_broken(true);
    for number in 0..300 {
        rig.send(0, &format!("k{number}"), number).await;
    }
    eventually("as many to wait as may", || rig.probe.log().waiting >= 8).await;
    let (probe, publisher) = (rig.probe.clone(), rig.publisher.clone());
    let finished = rig.stop().await.unwrap();
    assert!(finished.drained && finished.settled == 0, "{finished:?}");
    // Records in flight when the last slot was taken may fail too.
    assert!(probe.log().begun.len() <= 8 + 4, "{}", probe.log().begun.len());
    assert!(publisher.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_everything_is_handled_and_nothing_was_given_up() {
    let mut config = config();
    config.retry.max_waiting = 8;
    config.max_in_flight = 4;
    config.retry.max_attempts = 0;
    let rig = Rig::observed(&config);
    rig.probe.set_broken(true);
    for number in 0..300 {
        rig.send(0, &format!("k{number}"), number).await;
    }
    eventually("many failures", || rig.probe.log().attempts.len() > 100).await;
    rig.probe.set_broken(false);
    rig.committed(0, 300).await;
    let log = rig.probe.log();
    assert_eq!((log.done.len(), log.dead_letters), (300, 0));
    assert!(log.most_waiting <= 8 + 4, "{}", log.most_waiting);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_in_a_row_stop_the_service_and_the_last_one_stays_unsettled() {
    let mut config = config();
    config.dead_letter.max_consecutive = 5;
    let rig = Rig::start(&config);
    for number in 0..20 {
        rig.feed
            .push(TOPIC, 0, MemoryRecord::new(vec![9, 9]).key(format!("k{number}")));
    }
    let (feed, publisher) = (rig.feed.clone(), rig.publisher.clone());
    let error = rig.end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyFailures);
    let text = error.to_string();
    assert!(
        text.starts_with("in in/0 all offsets from ")
            && text.contains("more than `dead_letter.max_consecutive` allows"),
        "{text}"
    );
    let letters = publisher.messages().len();
    assert!((5..20).contains(&letters), "{letters}");
    assert!(feed.committed(TOPIC, 0).unwrap_or(0) <= letters as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_share_stops_the_service() {
    let mut config = config();
    config.dead_letter.max_consecutive = 0;
    config.dead_letter.max_share = 0.25;
    config.dead_letter.window = 40;
    let rig = Rig::start(&config);
    for number in 0..60 {
        if number % 2 == 0 {
            rig.send(0, "k", number).await;
        } else {
            rig.feed.push(TOPIC, 0, MemoryRecord::new(vec![9, 9]));
        }
    }
    let publisher = rig.publisher.clone();
    let text = rig.end().await.unwrap_err().to_string();
    assert!(
        text.contains(" of the last 40 offsets could not be handled"),
        "{text}"
    );
    let letters = publisher.messages().len();
    assert!((10..30).contains(&letters), "{letters}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_within_the_limit_are_dead_lettered_for_as_long_as_they_last() {
    let mut config = config();
    config.dead_letter.max_consecutive = 1;
    config.dead_letter.max_share = 0.5;
    config.dead_letter.window = 10;
    let rig = Rig::start(&config);
    for number in 0..200 {
        rig.send(0, "k", number).await;
        rig.feed.push(TOPIC, 0, MemoryRecord::new(vec![9, 9]));
    }
    rig.committed(0, 400).await;
    assert_eq!(rig.publisher.messages().len(), 200);
    rig.stop().await.unwrap();
}
