//! `delivery = "exactly_once"`: events, dead letters and offsets are committed together.

use std::collections::BTreeMap;
use std::time::Duration;

use kaufmann::config::{Delivery, OnFailure};
use kaufmann::publish::Message;
use kaufmann::source::MemoryRecord;
use kaufmann::{Config, Context, ErrorKind, Failure, handler, service};

use crate::events::test::{Doubled, NumberedRef};
use crate::rig::{Mishap, Probe, Rig, TOPIC, config, eventually};

/// A configuration with frequent transactions.
fn exactly_once() -> Config {
    let mut config = config();
    config.delivery = Delivery::ExactlyOnce;
    config.exactly_once.interval = Duration::from_millis(5);
    config
}

/// The numbers of the replies, by key, in their order.
fn replies(messages: &[Message]) -> BTreeMap<String, Vec<i64>> {
    let mut replies: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for message in messages.iter().filter(|message| &*message.topic == "doubled") {
        let payload = message.payload.as_deref().unwrap();
        let reply: Doubled = kaufmann::event::Body::new(&payload[5..]).decode().unwrap();
        replies.entry(reply.key).or_default().push(reply.number / 2);
    }
    replies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_aborted_transaction_go_into_the_next_and_no_handler_runs_again() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.publisher.fail_transactions(4);
    for number in 0..50 {
        rig.send(0, &format!("k{}", number % 5), number).await;
    }
    rig.committed(0, 50).await;
    let replies = replies(&rig.publisher.messages());
    for (key, numbers) in &replies {
        let first: i64 = key[1..].parse().unwrap();
        let expected: Vec<i64> = (0..10).map(|round| first + round * 5).collect();
        assert_eq!(numbers, &expected, "{key}");
    }
    assert_eq!(replies.len(), 5);
    assert!(rig.probe.log().begun.values().all(|numbers| numbers.len() == 10));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offset_is_not_committed_before_the_events_of_its_record() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    rig.publisher.hold();
    rig.send(0, "k", 1).await;
    eventually("the reply", || rig.publisher.held() == 1).await;
    // The next record is handled meanwhile.
    rig.send(0, "k", 2).await;
    rig.begun("k", 2).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    assert_eq!(rig.publisher.messages().len(), 1);
    rig.publisher.release();
    rig.committed(0, 3).await;
    assert_eq!(replies(&rig.publisher.messages())["k"], [0, 1, 2]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_waits_for_a_retry_delays_no_reply_and_later_records_are_not_repeated() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.probe.close("stuck");
    rig.send(0, "stuck", 0).await;
    for number in 1..20 {
        rig.send(0, "free", number).await;
    }
    let expected: Vec<i64> = (1..20).collect();
    eventually("the replies above the stuck record", || {
        replies(&rig.publisher.messages()).get("free") == Some(&expected)
    })
    .await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(0));
    // Another instance reads the partition from the committed offset.
    rig.feed.lose(TOPIC, 0);
    rig.feed.assign(TOPIC, 0);
    rig.send(0, "free", 20).await;
    rig.begun("free", 20).await;
    rig.probe.open("stuck");
    rig.committed(0, 21).await;
    let replies = replies(&rig.publisher.messages());
    assert_eq!(replies["free"], (1..21).collect::<Vec<_>>());
    assert_eq!(replies["stuck"], [0]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncommitted_messages_of_a_lost_partition_are_dropped_and_those_of_others_kept() {
    let rig = Rig::start(&exactly_once());
    rig.feed.assign(TOPIC, 1);
    rig.probe.reply();
    for partition in 0..2 {
        rig.feed
            .push(TOPIC, partition, MemoryRecord::new(rig.ignored().await));
        rig.committed(partition, 1).await;
    }
    // One commit is under way and cannot end; later messages wait for the next.
    rig.publisher.hold();
    rig.send(1, "kept", 0).await;
    eventually("the first reply", || rig.publisher.held() == 1).await;
    rig.send(0, "lost", 0).await;
    rig.send(1, "kept", 1).await;
    eventually("all to be handled", || {
        rig.probe.log().done.values().flatten().count() == 3
    })
    .await;
    rig.feed.lose(TOPIC, 0);
    eventually("the loss", || !rig.feed.is_assigned(TOPIC, 0)).await;
    rig.publisher.release();
    rig.committed(1, 3).await;
    assert_eq!(replies(&rig.publisher.messages()).get("lost"), None);
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.feed.assign(TOPIC, 0);
    rig.committed(0, 2).await;
    let replies = replies(&rig.publisher.messages());
    assert_eq!((&replies["lost"], &replies["kept"]), (&vec![0], &vec![0, 1]));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_partition_is_released_only_when_its_handled_records_are_committed() {
    let mut config = exactly_once();
    // Only the revocation is a reason to commit.
    config.exactly_once.interval = Duration::from_secs(3600);
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.feed.push(TOPIC, 0, MemoryRecord::new(rig.ignored().await));
    eventually("the first commit", || rig.feed.committed(TOPIC, 0).is_some()).await;
    rig.publisher.fail_transactions(2);
    for number in 0..30 {
        rig.send(0, "k", number).await;
    }
    eventually("the replies", || {
        rig.probe.log().done.get("k").is_some_and(|all| all.len() == 30)
    })
    .await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(31));
    assert_eq!(
        replies(&rig.publisher.messages())["k"],
        (0..30).collect::<Vec<_>>()
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_letter_of_a_record_and_its_offset_are_committed_together() {
    let mut config = exactly_once();
    config.on_failure = OnFailure::Both;
    config.publish.topic = Some("errors".to_owned());
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::DeadLetter);
    rig.publisher.fail_transactions(1);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    let topics: Vec<String> = rig
        .publisher
        .messages()
        .iter()
        .map(|message| message.topic.to_string())
        .collect();
    assert_eq!(topics, ["tests.dead-letter", "errors"]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_too_large_is_shortened_and_no_longer_blocks_the_transaction() {
    let rig = Rig::start(&exactly_once());
    rig.publisher.limit(8);
    rig.feed.push(TOPIC, 0, MemoryRecord::new(vec![7; 100]).key("k"));
    rig.committed(0, 1).await;
    let letters = rig.publisher.messages();
    assert_eq!((letters.len(), letters[0].payload.as_deref()), (1, None));
    assert_eq!(letters[0].headers.get("kaufmann-payload-cut"), Some(&b"100"[..]));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_does_not_split_a_record() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.publisher.reject(50);
    for number in 0..100 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 100).await;
    assert_eq!(
        replies(&rig.publisher.messages())["k"],
        (0..100).collect::<Vec<_>>()
    );
    rig.stop().await.unwrap();
}

/// Waits until exactly these numbers of these keys are committed.
async fn committed_replies(rig: &Rig, expected: &[(&str, &[i64])]) {
    let expected: BTreeMap<String, Vec<i64>> = expected
        .iter()
        .map(|(key, numbers)| ((*key).to_owned(), numbers.to_vec()))
        .collect();
    eventually("the replies", || replies(&rig.publisher.messages()) == expected).await;
}

/// A key that makes a reply too large for a limit of 60 bytes.
const LONG: &str = "a-key-that-makes-the-reply-to-each-of-its-records-larger-than-its-topic-takes";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_reply_delays_only_its_key_and_is_sent_when_its_topic_accepts_it() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.publisher.limit(60);
    for number in 0..60 {
        rig.send(0, ["a", LONG, "b"][number as usize % 3], number).await;
    }
    let of = |first: i64| (first..60).step_by(3).collect::<Vec<_>>();
    committed_replies(&rig, &[("a", &of(0)), ("b", &of(2))]).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.publisher.unlimit();
    rig.committed(0, 60).await;
    committed_replies(&rig, &[("a", &of(0)), ("b", &of(2)), (LONG, &of(1))]).await;
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_records_of_a_refused_replys_key_are_not_settled_before_it() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.publisher.limit(60);
    rig.send(0, LONG, 0).await;
    let is_done = || rig.probe.log().done.contains_key(LONG);
    eventually("the handler", is_done).await;
    rig.probe.mishap(LONG, Mishap::Skip);
    rig.send(0, LONG, 1).await;
    rig.begun(LONG, 1).await;
    rig.send(0, "a", 2).await;
    committed_replies(&rig, &[("a", &[2])]).await;
    // Another instance reads the partition from the committed offset.
    rig.feed.lose(TOPIC, 0);
    rig.publisher.unlimit();
    rig.feed.assign(TOPIC, 0);
    rig.committed(0, 3).await;
    assert_eq!(rig.probe.log().begun[LONG], [0, 1, 0, 1]);
    assert_eq!(rig.probe.log().begun["a"], [2]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_accepts_nothing_delays_only_its_own_messages() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    rig.publisher.close_topic("doubled", true);
    for number in 1..40 {
        let key = format!("k{}", number % 5);
        rig.send(0, &key, number).await;
    }
    rig.probe.mishap("poor", Mishap::DeadLetter);
    rig.send(0, "poor", 40).await;
    let letters = || {
        let messages = rig.publisher.messages();
        messages
            .iter()
            .filter(|message| &*message.topic == "tests.dead-letter")
            .count()
    };
    eventually("the letter", || letters() == 1).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(1));
    rig.publisher.close_topic("doubled", false);
    rig.committed(0, 41).await;
    let replies = replies(&rig.publisher.messages());
    for key in 0..5 {
        let expected: Vec<i64> = (1..40).filter(|number| number % 5 == key).collect();
        assert_eq!(replies[&format!("k{key}")], expected);
    }
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_a_refused_reply_stops_in_time_and_reports_unfinished_work() {
    let mut config = exactly_once();
    config.shutdown_deadline = Duration::from_millis(300);
    let rig = Rig::start(&config);
    rig.probe.reply();
    rig.publisher.limit(60);
    rig.send(0, LONG, 0).await;
    rig.send(0, "a", 1).await;
    committed_replies(&rig, &[("a", &[1])]).await;
    assert!(!rig.stop().await.unwrap().drained);
}

/// Transactions that are committed when their space is used up, not because of their age or number of records.
fn with_space_for(messages: usize) -> Config {
    let mut config = exactly_once();
    config.exactly_once.interval = Duration::from_secs(3600);
    config.publish.max_outstanding = messages;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_committed_as_soon_as_records_wait_for_its_space() {
    let rig = Rig::start(&with_space_for(7));
    rig.probe.reply();
    rig.publisher.fail_transactions(2);
    for number in 0..100 {
        rig.send(0, &format!("k{}", number % 20), number).await;
    }
    // The last ones fit, and may wait for more.
    eventually("all but what there is room for", || {
        rig.publisher.messages().len() >= 93
    })
    .await;
    rig.feed.revoke(TOPIC, 0);
    eventually("the release", || !rig.feed.is_assigned(TOPIC, 0)).await;
    assert_eq!(rig.feed.committed(TOPIC, 0), Some(100));
    let replies = replies(&rig.publisher.messages());
    for key in 0..20 {
        let expected: Vec<i64> = (key..100).step_by(20).collect();
        assert_eq!(replies[&format!("k{key}")], expected);
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_with_more_events_than_fit_are_committed_one_by_one() {
    let mut config = with_space_for(1);
    config.on_failure = OnFailure::Both;
    config.publish.topic = Some("errors".to_owned());
    let rig = Rig::start(&config);
    for key in 0..10 {
        rig.probe.mishap(&format!("k{key}"), Mishap::DeadLetter);
        rig.send(0, &format!("k{key}"), key).await;
    }
    // Each has two messages, and the last one uses all the space.
    eventually("all but the last", || rig.publisher.messages().len() >= 18).await;
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_without_events_are_committed_too() {
    let rig = Rig::start(&exactly_once());
    for number in 0..10 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 10).await;
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_can_no_longer_commit_ends_the_service() {
    let rig = Rig::start(&exactly_once());
    rig.probe.reply();
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    rig.publisher.end();
    rig.send(0, "k", 1).await;
    let error = rig.end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Publish);
    assert_eq!(error.to_string(), "this publisher was set to end");
}

#[handler(event = "test.numbered", emits = [Doubled])]
async fn publishing(event: NumberedRef<'_>, cx: &Context<Probe>) -> Result<(), Failure> {
    let doubled = Doubled {
        key: event.key.to_owned(),
        number: event.number * 2,
    };
    cx.publish(&doubled).await?;
    cx.state.handle(event.key, event.number, cx).await?;
    Ok(())
}

service! {
/// Publishes before it succeeds or fails.
    pub(crate) struct Publishing {
        state: Probe,
        handlers: [publishing],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_published_by_an_attempt_are_sent_only_if_it_succeeds() {
    let rig = Rig::of::<Publishing>(&exactly_once());
    for mishap in [Mishap::Fail, Mishap::Panic, Mishap::FailOften(2)] {
        rig.probe.mishap("k", mishap);
    }
    rig.probe.mishap("lost", Mishap::DeadLetter);
    for number in 0..3 {
        rig.send(0, "k", number).await;
    }
    rig.send(0, "lost", 0).await;
    rig.committed(0, 4).await;
    let replies = replies(&rig.publisher.messages());
    assert_eq!((&replies["k"], replies.get("lost")), (&vec![0, 1, 2], None));
    rig.stop().await.unwrap();
}

/// Transactions fail, partitions are revoked and lost, handlers fail. In the end each number is there once, in
/// the order of its key.
async fn under_faults(seed: u64) {
    const PARTITIONS: i32 = 3;
    const EACH: i64 = 120;
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut config = exactly_once();
    config.exactly_once.max_records = chance.usize(1..40);
    config.max_unsettled = chance.usize(1..200);
    config.retry.max_attempts = 0;
    config.revoke_deadline = Duration::from_millis(chance.u64(0..200));
    let rig = Rig::start(&config);
    rig.probe.reply();
    for partition in 1..PARTITIONS {
        rig.feed.assign(TOPIC, partition);
    }
    let mut held = [true; PARTITIONS as usize];
    for number in 0..EACH {
        for partition in 0..PARTITIONS {
            let key = format!("{partition}-{}", number % 4);
            if chance.u8(0..8) == 0 {
                rig.probe.mishap(&key, Mishap::FailOften(chance.usize(1..4)));
            }
            rig.send(partition, &key, number).await;
        }
        match chance.u8(0..12) {
            0 => rig.publisher.fail_transactions(chance.usize(1..4)),
            1 => rig.publisher.hold(),
            2..4 => rig.publisher.release(),
            4 => rig.publisher.reject(chance.usize(1..10)),
            5..8 => {
                let partition = chance.i32(0..PARTITIONS);
                let is_held = &mut held[partition as usize];
                if *is_held && chance.bool() {
                    rig.feed.lose(TOPIC, partition);
                } else if *is_held {
                    rig.feed.revoke(TOPIC, partition);
                } else if !rig.feed.is_assigned(TOPIC, partition) {
                    rig.feed.assign(TOPIC, partition);
                } else {
                    continue;
                }
                *is_held = !*is_held;
            }
            8 => tokio::time::sleep(Duration::from_millis(chance.u64(0..8))).await,
            _ => {}
        }
    }
    rig.publisher.release();
    for (partition, held) in (0..PARTITIONS).zip(held) {
        if !held {
            eventually("the release", || !rig.feed.is_assigned(TOPIC, partition)).await;
            rig.feed.assign(TOPIC, partition);
        }
        rig.committed(partition, EACH).await;
    }
    let replies = replies(&rig.publisher.messages());
    for partition in 0..PARTITIONS {
        for own in 0..4 {
            let expected: Vec<i64> = (own..EACH).step_by(4).collect();
            assert_eq!(
                replies[&format!("{partition}-{own}")],
                expected,
                "seed {seed}, key {own}"
            );
        }
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_number_is_committed_once_and_in_order_despite_aborts_revocations_and_losses() {
    for seed in 0..10 {
        under_faults(seed).await;
    }
}
