//! Retry topics, on a clock that only the test moves.

use std::time::Duration;

use kaufmann::config::{Delivery, OnFailure};
use kaufmann::publish::Message;
use kaufmann::source::MemoryRecord;

use crate::rig::{Mishap, Rig, TOPIC, config, eventually};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const FIRST: &str = "tests.retry.1m";
const SECOND: &str = "tests.retry.1h";

/// Two attempts, then a minute, then an hour.
fn delayed() -> kaufmann::Config {
    let mut config = config();
    config.retry.max_attempts = 2;
    config.retry.topics.delays = vec![MINUTE, HOUR];
    config
}

fn start(config: &kaufmann::Config) -> Rig {
    let rig = Rig::simulated(config);
    rig.feed.assign(FIRST, 0);
    rig.feed.assign(SECOND, 0);
    rig
}

/// The messages to a topic.
fn sent(rig: &Rig, topic: &str) -> Vec<Message> {
    let messages = rig.publisher.messages().into_iter();
    messages.filter(|message| &*message.topic == topic).collect()
}

/// Writes messages to a topic, as the broker would have.
fn write(rig: &Rig, topic: &str, messages: &[Message]) {
    for message in messages {
        let mut record = MemoryRecord::new(message.payload.clone().unwrap());
        if let Some(key) = &message.key {
            record = record.key(key.clone());
        }
        for (name, value) in &message.headers {
            record = record.header(name, value.unwrap());
        }
        rig.feed.push(topic, 0, record);
    }
}

async fn committed(rig: &Rig, topic: &str, offset: i64) {
    let what = format!("offset {offset} of {topic} to be committed");
    eventually(&what, || rig.feed.committed(topic, 0) == Some(offset)).await;
}

fn header(message: &Message, name: &str) -> Option<String> {
    let value = message.headers.get(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn history(message: &Message) -> Vec<serde_json::Value> {
    let all = message.headers.iter();
    all.filter(|(name, _)| *name == "kaufmann-history")
        .map(|(_, value)| serde_json::from_slice(value.unwrap()).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_record_goes_through_all_retry_topics_and_its_dead_letter_has_its_origin() {
    let rig = start(&delayed());
    rig.probe.mishap("k", Mishap::FailOften(4));
    rig.send(0, "k", 7).await;
    rig.send(0, "other", 1).await;
    rig.committed(0, 2).await;
    assert_eq!(rig.probe.log().done["other"], [1], "others do not wait");

    let first = sent(&rig, FIRST);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(header(&first[0], "kaufmann-error-attempts").as_deref(), Some("2"));
    write(&rig, FIRST, &first);
    tokio::time::sleep(MINUTE - Duration::from_secs(1)).await;
    assert_eq!(rig.probe.log().begun["k"], [7, 7], "it is not due");
    assert_eq!(
        rig.feed.committed(FIRST, 0),
        Some(0),
        "where reading began is committed, for groups that begin at the end"
    );
    committed(&rig, FIRST, 1).await;
    assert_eq!(rig.probe.log().begun["k"], [7, 7, 7]);

    let second = sent(&rig, SECOND);
    write(&rig, SECOND, &second);
    tokio::time::sleep(HOUR - Duration::from_secs(1)).await;
    assert_eq!(rig.probe.log().begun["k"].len(), 3, "it is not due");
    tokio::time::sleep(Duration::from_secs(2)).await;
    committed(&rig, SECOND, 1).await;

    let log = rig.probe.log();
    assert_eq!(log.begun["k"].len(), 4);
    let mut attempts = log.attempts.clone();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 2, 3, 4], "they are counted on");
    assert_eq!(log.dead_letters, 1);
    let letters = sent(&rig, "tests.dead-letter");
    let says = |name| header(&letters[0], name);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].payload, first[0].payload);
    assert_eq!(says("kaufmann-error-attempts").as_deref(), Some("4"));
    assert_eq!(says("kaufmann-source-topic").as_deref(), Some(TOPIC));
    assert_eq!(says("kaufmann-source-offset").as_deref(), Some("0"));
    assert_eq!(says("kaufmann-retry-due"), None);
    let history = history(&letters[0]);
    let places: Vec<_> = history
        .iter()
        .map(|story| story["letter"].as_str().unwrap())
        .collect();
    assert_eq!(places, [format!("{FIRST}/0@0"), format!("{SECOND}/0@0")]);
    assert_eq!(
        (&history[0]["attempts"], &history[1]["attempts"]),
        (&2.into(), &3.into())
    );
    let headers = letters[0].headers.iter();
    assert_eq!(
        headers.filter(|(name, _)| *name == "kaufmann-error").count(),
        1,
        "what it says of the failure is about the last one"
    );
    assert!(rig.stop().await.unwrap().drained);
}

#[tokio::test(start_paused = true)]
async fn a_later_success_leads_to_the_same_reply_as_an_immediate_one() {
    let reply = |rig: &Rig| sent(rig, "doubled").remove(0);
    let rig = start(&delayed());
    rig.probe.reply();
    rig.send(0, "k", 7).await;
    rig.committed(0, 1).await;
    let at_once = reply(&rig);
    rig.stop().await.unwrap();

    for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        let mut config = delayed();
        config.delivery = delivery;
        let rig = start(&config);
        rig.probe.reply();
        rig.probe.mishap("k", Mishap::FailOften(2));
        rig.send(0, "k", 7).await;
        rig.committed(0, 1).await;
        write(&rig, FIRST, &sent(&rig, FIRST));
        tokio::time::sleep(MINUTE).await;
        committed(&rig, FIRST, 1).await;
        let later = reply(&rig);
        for name in ["ce_id", "ce_causationid", "ce_correlationid"] {
            assert_eq!(header(&later, name), header(&at_once, name), "{name}");
        }
        assert_eq!(later.payload, at_once.payload);
        assert!(sent(&rig, "tests.dead-letter").is_empty());
        rig.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_keeps_its_id_in_every_retry_topic_and_a_header_elsewhere_does_not_change_it() {
    let rig = start(&delayed());
    rig.probe.mishap("k", Mishap::FailOften(3));
    rig.send(0, "other", 1).await;
    rig.send(0, "k", 7).await;
    rig.committed(0, 2).await;
    write(&rig, FIRST, &sent(&rig, FIRST));
    tokio::time::sleep(MINUTE).await;
    committed(&rig, FIRST, 1).await;
    write(&rig, SECOND, &sent(&rig, SECOND));
    tokio::time::sleep(HOUR).await;
    committed(&rig, SECOND, 1).await;
    assert_eq!(rig.probe.log().ids["k"], ["in/0@1"; 4]);

    // A producer may claim another event's id in a header; it is ignored.
    let number = crate::rig::Numbered {
        key: "forged".into(),
        number: 1,
    };
    let payload = rig.payload(&number).await;
    let record = MemoryRecord::new(payload)
        .header("kaufmann-source-topic", "in")
        .header("kaufmann-source-partition", "0")
        .header("kaufmann-source-offset", "1")
        .header("kaufmann-origin", "in/0@2 5");
    rig.feed.push(TOPIC, 0, record);
    rig.committed(0, 3).await;
    assert_eq!(rig.probe.log().ids["forged"], ["in/0@2"]);
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_is_settled_only_when_the_broker_has_it_in_its_retry_topic() {
    let rig = start(&delayed());
    rig.probe.mishap("k", Mishap::FailOften(2));
    rig.publisher.hold();
    rig.send(0, "k", 7).await;
    eventually("the message", || rig.publisher.held() == 1).await;
    tokio::time::sleep(MINUTE).await;
    assert_eq!(rig.feed.committed(TOPIC, 0).unwrap_or(0), 0);
    rig.publisher.refuse(2);
    rig.publisher.release();
    rig.committed(0, 1).await;
    assert_eq!(sent(&rig, FIRST).len(), 1);
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_not_due_delays_neither_a_rebalance_nor_a_shutdown_and_is_read_again() {
    let rig = start(&delayed());
    rig.probe.mishap("k", Mishap::FailOften(2));
    rig.send(0, "k", 7).await;
    rig.committed(0, 1).await;
    write(&rig, FIRST, &sent(&rig, FIRST));
    committed(&rig, FIRST, 0).await;
    let begun = tokio::time::Instant::now();
    rig.feed.revoke(FIRST, 0);
    eventually("the partition to be given back", || {
        !rig.feed.is_assigned(FIRST, 0)
    })
    .await;
    assert!(begun.elapsed() < MINUTE / 2, "{:?}", begun.elapsed());
    assert_eq!(rig.feed.committed(FIRST, 0), Some(0));
    rig.feed.assign(FIRST, 0);
    tokio::time::sleep(MINUTE).await;
    committed(&rig, FIRST, 1).await;
    assert_eq!(rig.probe.log().done["k"], [7]);

    rig.probe.mishap("k", Mishap::FailOften(2));
    rig.send(0, "k", 8).await;
    rig.committed(0, 2).await;
    write(&rig, FIRST, &sent(&rig, FIRST)[1..]);
    tokio::time::sleep(MINUTE / 2).await;
    let begun = tokio::time::Instant::now();
    let feed = rig.feed.clone();
    assert!(rig.stop().await.unwrap().drained);
    assert!(begun.elapsed() < MINUTE / 4, "{:?}", begun.elapsed());
    assert_eq!(feed.committed(FIRST, 0), Some(1));
}

#[tokio::test(start_paused = true)]
async fn only_retried_failures_go_there_and_failures_there_do_not_stop_the_service() {
    let mut config = delayed();
    config.retry.topics.delays.pop();
    config.dead_letter.max_consecutive = 3;
    config.dead_letter.max_share = 1.0;
    let rig = start(&config);
    rig.probe.mishap("given up", Mishap::DeadLetter);
    rig.send(0, "given up", 0).await;
    rig.feed.push(TOPIC, 0, MemoryRecord::new(vec![9, 9]));
    rig.committed(0, 2).await;
    assert_eq!(sent(&rig, "tests.dead-letter").len(), 2);
    assert!(sent(&rig, FIRST).is_empty());

    for number in 0..10 {
        let key = format!("k{number}");
        rig.probe.mishap(&key, Mishap::FailOften(3));
        rig.send(0, &key, number).await;
    }
    rig.committed(0, 12).await;
    let waiting = sent(&rig, FIRST);
    assert_eq!(waiting.len(), 10, "more than the limit, and it goes on");
    write(&rig, FIRST, &waiting);
    tokio::time::sleep(MINUTE).await;
    committed(&rig, FIRST, 10).await;
    assert_eq!(sent(&rig, "tests.dead-letter").len(), 12);
    rig.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_header_elsewhere_neither_delays_a_record_nor_counts_attempts() {
    let mut config = delayed();
    config.on_failure = OnFailure::Stop;
    let rig = start(&config);
    let payload = rig
        .payload(&crate::rig::Numbered {
            key: "k".into(),
            number: 1,
        })
        .await;
    let record = MemoryRecord::new(payload)
        .key("k")
        .header("kaufmann-retry-due", "2999-01-01T00:00:00Z")
        .header("kaufmann-error-attempts", "99");
    rig.feed.push(TOPIC, 0, record);
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().attempts, [1]);
    rig.stop().await.unwrap();
}

#[tokio::test]
async fn invalid_retry_topics_are_refused_at_the_start() {
    let mut config = delayed();
    config.delivery = Delivery::AtMostOnce;
    let error = Rig::start(&config).end().await.unwrap_err();
    assert_eq!(error.kind(), kaufmann::ErrorKind::Configuration);
    assert!(error.to_string().contains("at_most_once"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn each_record_of_a_retry_topic_waits_until_it_is_due_and_those_of_a_key_stay_in_order() {
    let rig = start(&delayed());
    // They fail ten seconds apart, so they are due ten seconds apart.
    let apart = Duration::from_secs(10);
    for number in 0..4 {
        rig.probe.mishap("k", Mishap::FailOften(2));
        rig.send(0, "k", number).await;
        rig.committed(0, number + 1).await;
        let all = sent(&rig, FIRST);
        write(&rig, FIRST, &all[number as usize..]);
        tokio::time::sleep(apart).await;
    }
    let done = || rig.probe.log().done.get("k").cloned().unwrap_or_default();
    assert_eq!(done(), [0; 0]);
    tokio::time::sleep(MINUTE - 4 * apart + apart / 2).await;
    for number in 0..4 {
        assert_eq!(done(), Vec::from_iter(0..=number));
        tokio::time::sleep(apart).await;
    }
    committed(&rig, FIRST, 4).await;
    rig.stop().await.unwrap();
}
