//! What happens to a record whose handler fails.

use std::time::Duration;

use kaufmann::config::OnFailure;
use kaufmann::publish::Message;
use kaufmann::registry::SchemaRegistry as _;
use kaufmann::source::MemoryRecord;

use crate::rig::{Mishap, Numbered, Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_handler_is_retried_in_its_lane_and_never_skipped() {
    let rig = Rig::start(&config());
    rig.probe.mishap("bad", Mishap::FailOften(5));
    for number in 0..3 {
        rig.send(0, "bad", number).await;
        rig.send(0, "good", number).await;
    }
    rig.committed(0, 6).await;
    let log = rig.probe.log();
    assert_eq!(log.begun["bad"], [0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(log.done["bad"], [0, 1, 2]);
    assert_eq!(log.attempts.iter().max(), Some(&6));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_counts_as_a_failure() {
    let rig = Rig::start(&config());
    rig.probe.mishap("k", Mishap::Panic);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().begun["k"], [0, 0]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_waited_may_fail_and_panic_too() {
    let rig = Rig::start(&config());
    rig.probe.close("k");
    rig.probe.mishap("k", Mishap::Fail);
    rig.probe.mishap("k", Mishap::Panic);
    rig.send(0, "k", 0).await;
    rig.begun("k", 0).await;
    rig.probe.open("k");
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().begun["k"], [0, 0, 0]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_has_the_record_and_the_reason() {
    let rig = Rig::start(&config());
    rig.probe.mishap("k", Mishap::DeadLetter);
    rig.send(0, "k", 7).await;
    rig.send(0, "k", 8).await;
    rig.committed(0, 2).await;
    assert_eq!(rig.probe.log().done["k"], [8]);
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(&*letter.topic, "tests.dead-letter");
    assert_eq!(letter.key.as_deref(), Some(&b"k"[..]));
    let header = |name: &str| {
        letter
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(header("kaufmann-error").as_deref(), Some("told to give up"));
    assert_eq!(header("kaufmann-error-class").as_deref(), Some("failed"));
    assert_eq!(header("kaufmann-error-handler").as_deref(), Some("numbered"));
    assert_eq!(header("kaufmann-source-topic").as_deref(), Some(TOPIC));
    assert_eq!(header("kaufmann-error-attempts").as_deref(), Some("1"));
    assert_eq!(header("kaufmann-error-event").as_deref(), Some("test.numbered"));
    assert_eq!(header("kaufmann-error-cut-short"), None);
    assert_eq!(header("kaufmann-source-partition").as_deref(), Some("0"));
    assert_eq!(header("kaufmann-source-offset").as_deref(), Some("0"));
    let id = rig.registry.lookup(Numbered::FULL_NAME, Numbered::SCHEMA).await;
    let id = id.unwrap().expect("it was sent with its schema");
    assert_eq!(header("kaufmann-source-schema-id"), Some(id.to_string()));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_not_settled_before_the_broker_has_its_dead_letter() {
    let rig = Rig::start(&config());
    rig.publisher.hold();
    rig.probe.mishap("k", Mishap::DeadLetter);
    rig.send(0, "k", 0).await;
    rig.send(0, "other", 0).await;
    eventually("the letter and the other record", || {
        rig.publisher.held() == 1 && rig.probe.log().done.contains_key("other")
    })
    .await;
    assert_eq!(rig.feed.committed(TOPIC, 0).unwrap_or(0), 0);
    rig.publisher.release();
    rig.committed(0, 2).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skipped_record_is_settled() {
    let rig = Rig::start(&config());
    rig.probe.mishap("k", Mishap::Skip);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert!(rig.probe.log().done.is_empty() && rig.publisher.messages().is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fatal_failure_ends_the_service_and_commits_nothing_of_the_record() {
    let rig = Rig::start(&config());
    rig.probe.mishap("k", Mishap::Fatal);
    rig.send(0, "before", 0).await;
    rig.committed(0, 1).await;
    rig.send(0, "k", 0).await;
    let feed = rig.feed.clone();
    let error = rig.end().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("numbered failed on in/0@1: told to stop"),
        "{error}"
    );
    assert_eq!(feed.committed(TOPIC, 0), Some(1));
    assert!(feed.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_fail_are_sent_again() {
    let rig = Rig::start(&config());
    rig.feed.fail_commits(3);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_failure_of_the_last_attempt_becomes_a_dead_letter_that_counts_them() {
    let mut config = config();
    config.retry.max_attempts = 3;
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::FailOften(3));
    rig.send(0, "k", 0).await;
    rig.send(0, "k", 1).await;
    rig.committed(0, 2).await;
    let log = rig.probe.log();
    assert_eq!(
        (&log.begun["k"][..], &log.done["k"][..]),
        (&[0, 0, 0, 1][..], &[1][..])
    );
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].headers.get("kaufmann-error-attempts"), Some(&b"3"[..]));
    assert_eq!(
        letters[0].headers.get("kaufmann-error"),
        Some(&b"told to fail"[..])
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_last_attempt_becomes_a_dead_letter_too() {
    let mut config = config();
    config.retry.max_attempts = 1;
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::Panic);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    let letters = rig.publisher.messages();
    assert_eq!(
        letters[0].headers.get("kaufmann-error-class"),
        Some(&b"panicked"[..])
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_unlimited_attempts_a_record_is_retried_until_it_succeeds() {
    let mut config = config();
    config.retry.max_attempts = 0;
    config.retry.max = Duration::from_millis(1);
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::FailOften(40));
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().attempts.len(), 41);
    assert!(rig.publisher.messages().is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_end_with_the_assignment() {
    let mut config = config();
    config.retry.initial = Duration::from_secs(60);
    config.retry.max = Duration::from_secs(60);
    let rig = Rig::observed(&config);
    rig.probe.mishap("k", Mishap::FailOften(1));
    rig.send(0, "k", 0).await;
    eventually("the record to wait", || rig.probe.log().waiting == 1).await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the partition to be given back", || {
        !rig.feed.is_assigned(TOPIC, 0)
    })
    .await;
    rig.feed.assign(TOPIC, 0);
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().attempts, [1, 1]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_on_failure_stop_the_first_record_that_cannot_be_handled_stays_unsettled_and_ends_the_service() {
    let mut config = config();
    config.on_failure = OnFailure::Stop;
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::DeadLetter);
    rig.send(0, "before", 0).await;
    rig.committed(0, 1).await;
    rig.send(0, "k", 0).await;
    let (feed, publisher) = (rig.feed.clone(), rig.publisher.clone());
    let error = rig.end().await.unwrap_err().to_string();
    assert!(
        error.contains(
            "in/0@1 cannot be handled, and `on_failure` is \"stop\"; after one attempt: told to give up"
        ),
        "{error}"
    );
    assert_eq!(feed.committed(TOPIC, 0), Some(1));
    assert!(publisher.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_too_large_for_its_topic_loses_its_payload_and_records_it() {
    let rig = Rig::start(&config());
    rig.publisher.limit(100);
    let large = vec![9; 101];
    rig.feed.push(
        TOPIC,
        0,
        MemoryRecord::new(large).key("k").header("shop", "north"),
    );
    rig.feed
        .push(TOPIC, 0, MemoryRecord::new(vec![9; 100]).key("small"));
    rig.committed(0, 2).await;
    let letters = rig.publisher.messages();
    let letter = |key: &str| {
        let with_key = |letter: &&Message| letter.key.as_deref() == Some(key.as_bytes());
        letters.iter().find(with_key).unwrap()
    };
    let header = |name: &str| letter("k").headers.get(name);
    assert_eq!((letters.len(), &letter("k").payload), (2, &None));
    assert_eq!(header("kaufmann-payload-cut"), Some(&b"101"[..]));
    assert_eq!(header("kaufmann-source-offset"), Some(&b"0"[..]));
    assert_eq!(header("shop"), Some(&b"north"[..]));
    assert_eq!(letter("small").payload.as_ref().unwrap().len(), 100);
    assert_eq!(letter("small").headers.get("kaufmann-payload-cut"), None);
    rig.stop().await.unwrap();
}
