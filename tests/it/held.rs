//! A topic with too many failing records is not read for a while; other topics go on.

use std::time::Duration;

use kaufmann::config::{OnLimit, Ordering};
use kaufmann::source::MemoryRecord;
use kaufmann::{Config, ErrorKind};

use crate::rig::{Mishap, Numbered, Rig, TOPIC, config, eventually};

/// Five in a row are too many; then the topic is held for a second, and for longer each time.
fn holding() -> Config {
    let mut config = config();
    config.ordering = Ordering::Partition;
    config.dead_letter.max_consecutive = 5;
    config.dead_letter.on_limit = OnLimit::HoldTopic;
    config.dead_letter.hold = Duration::from_secs(1);
    config.dead_letter.hold_max = Duration::from_secs(3);
    config
}

async fn send_to_other(rig: &Rig, number: i64) {
    let event = Numbered {
        key: "fine".into(),
        number,
    };
    let payload = rig.payload(&event).await;
    rig.feed.push("other", 0, MemoryRecord::new(payload).key("fine"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_topic_is_held_another_one_goes_on_and_a_stop_does_not_wait() {
    let mut config = holding();
    config.max_unsettled = 20;
    config.dead_letter.hold = Duration::from_secs(3600);
    let rig = Rig::start(&config);
    rig.feed.assign("other", 0);
    for number in 0..50 {
        rig.feed
            .push(TOPIC, 0, MemoryRecord::new(vec![9, 9]).key(format!("k{number}")));
    }
    rig.committed(0, 5).await;
    for number in 0..100 {
        send_to_other(&rig, number).await;
    }
    eventually("the other topic to be handled", || {
        rig.feed.committed("other", 0) == Some(100)
    })
    .await;
    assert_eq!(
        rig.publisher.messages().len(),
        5,
        "nothing is given up beyond the limit"
    );
    let feed = rig.feed.clone();
    let finished = rig.stop().await.unwrap();
    assert!(finished.drained && finished.settled == 105, "{finished:?}");
    assert_eq!(feed.committed(TOPIC, 0), Some(5), "the rest is read again");
}

#[tokio::test(start_paused = true)]
async fn a_held_topic_is_read_again_after_a_while_and_goes_on_when_records_succeed() {
    let rig = Rig::simulated(&holding());
    let began = tokio::time::Instant::now();
    for number in 0..20 {
        let key = format!("k{number}");
        rig.probe.mishap(&key, Mishap::DeadLetter);
        rig.send(0, &key, number).await;
    }
    while rig.feed.committed(TOPIC, 0) != Some(20) {
        assert!(began.elapsed() < Duration::from_secs(100), "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Each time five are given up; the sixth one is retried and succeeds.
    let handled: Vec<_> = rig.probe.log().done.into_keys().collect();
    assert_eq!(handled, ["k11", "k17", "k5"]);
    assert_eq!(rig.publisher.messages().len(), 17);
    // A second, two, and three, which is the longest.
    assert_eq!(began.elapsed().as_secs(), 6);
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_stays_bad_is_held_again_and_nothing_more_is_given_up() {
    let rig = Rig::simulated(&holding());
    for number in 0..20 {
        rig.feed
            .push(TOPIC, 0, MemoryRecord::new(vec![9, 9]).key(format!("k{number}")));
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(5));
    assert_eq!(rig.publisher.messages().len(), 5);
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_for_a_single_topic_and_a_single_handler() {
    let limit = |value: &str| [("max_consecutive".to_owned(), value.to_owned())].into();
    for of_topic in [true, false] {
        let mut config = config();
        config.ordering = Ordering::Partition;
        let own = &mut config.dead_letter;
        if of_topic {
            own.topics.insert(TOPIC.to_owned(), limit("3"));
        } else {
            own.max_consecutive = 1;
            own.handlers.insert("numbered".to_owned(), limit("3"));
        }
        let rig = Rig::start(&config);
        for number in 0..20 {
            rig.probe.mishap("k", Mishap::DeadLetter);
            rig.send(0, "k", number).await;
        }
        let publisher = rig.publisher.clone();
        let error = rig.end().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyFailures);
        assert!(error.to_string().contains("all offsets from 0 to 3 "), "{error}");
        assert_eq!(publisher.messages().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_for_an_unknown_handler_are_refused() {
    let mut config = config();
    let none = [("window".to_owned(), "5".to_owned())].into();
    config.dead_letter.handlers.insert("numbred".to_owned(), none);
    let error = Rig::start(&config).end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text =
        "`dead_letter.handlers` has `numbred`, which is not a handler of Numbers; did you mean `numbered`?";
    assert_eq!(error.to_string(), text);
}
