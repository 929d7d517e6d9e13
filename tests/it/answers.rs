//! Where answers go: to the events' own topics, to the topic that a record names, and to those who wait for one that failed.

use kaufmann::config::{OnFailure, ReplyTo};
use kaufmann::publish::Message;
use kaufmann::source::MemoryRecord;

use crate::rig::{Mishap, Numbered, Rig, TOPIC, config, eventually};

fn follows(reply_to: ReplyTo, allowed: &str) -> kaufmann::Config {
    let mut config = config();
    config.publish.topic = Some("errors".to_owned());
    config.publish.reply_to = reply_to;
    config.publish.callback_topics = vec![allowed.to_owned()];
    config
}

/// Handles one record that names a callback topic, and gives what was published.
async fn handled(rig: Rig, callback: &str) -> Vec<Message> {
    rig.probe.reply();
    let payload = rig
        .payload(&Numbered {
            key: "k".into(),
            number: 4,
        })
        .await;
    let record = MemoryRecord::new(payload)
        .key("k")
        .header("kaufmann-callback-topic", callback);
    rig.feed.push(TOPIC, 0, record);
    rig.committed(0, 1).await;
    let messages = rig.publisher.messages();
    rig.stop().await.unwrap();
    messages
}

fn topics(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.topic).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_goes_where_its_cause_wants_it() {
    let rig = Rig::start(&follows(ReplyTo::Callback, "answers.*"));
    assert_eq!(topics(&handled(rig, "answers.ann").await), ["answers.ann"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_both_is_one_event_twice() {
    let rig = Rig::start(&follows(ReplyTo::Both, "answers.ann"));
    let replies = handled(rig, "answers.ann").await;
    assert_eq!(topics(&replies), ["doubled", "answers.ann"]);
    assert_eq!(replies[0].headers.get("ce_id"), replies[1].headers.get("ce_id"));
    assert_eq!(replies[0].payload, replies[1].payload);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_topic_that_is_not_allowed_or_not_asked_for_is_not_followed() {
    let rig = Rig::start(&follows(ReplyTo::Both, "answers.*"));
    assert_eq!(topics(&handled(rig, "payments").await), ["doubled"]);
    let rig = Rig::start(&follows(ReplyTo::Topic, "*"));
    assert_eq!(topics(&handled(rig, "answers.ann").await), ["doubled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_event_goes_to_its_topic_and_to_the_callback_with_the_payload_as_it_was() {
    let mut config = follows(ReplyTo::Both, "answers.*");
    config.on_failure = OnFailure::Both;
    let rig = Rig::start(&config);
    rig.probe.mishap("k", Mishap::DeadLetter);
    let events = handled(rig, "answers.ann").await;
    assert_eq!(topics(&events), ["tests.dead-letter", "errors", "answers.ann"]);
    let (letter, event) = (&events[0], &events[1]);
    assert_eq!(
        event.headers.get("ce_type"),
        Some(&b"event.error.test.numbered"[..])
    );
    assert_eq!(event.headers.get("ce_causationid"), Some(&b"in/0@0"[..]));
    assert_eq!(event.key.as_deref(), Some(&b"k"[..]));
    let original = letter.payload.as_deref().unwrap();
    assert!(event.payload.as_deref().unwrap().ends_with(original));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_event_alone_settles_its_record_and_its_schema_is_registered_like_others() {
    let mut config = follows(ReplyTo::Topic, "*");
    config.on_failure = OnFailure::ErrorEvent;
    let rig = Rig::start(&config);
    rig.feed.push(TOPIC, 0, MemoryRecord::new(vec![9, 9]));
    rig.committed(0, 1).await;
    let events = rig.publisher.messages();
    assert_eq!(topics(&events), ["errors"]);
    assert_eq!(
        events[0].headers.get("ce_type"),
        Some(&b"event.error.unknown"[..])
    );
    let payload = events[0].payload.as_deref().unwrap();
    let id = u32::from_be_bytes(payload[1..5].try_into().unwrap());
    let schema = kaufmann::registry::SchemaRegistry::schema(&rig.registry, id)
        .await
        .unwrap();
    // Read with its schema alone, as a stranger would.
    let schema = kaufmann_avro::Schema::parse(&schema).unwrap();
    assert_eq!(schema.name().unwrap().to_string(), "event.error");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_events_without_a_topic_are_refused_at_the_start() {
    let mut config = config();
    config.on_failure = OnFailure::ErrorEvent;
    let error = Rig::start(&config).end().await.unwrap_err().to_string();
    assert!(
        error.contains("nothing says to which topic `event.error` goes"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_topic_that_the_service_needs_is_looked_for_at_the_start() {
    let mut config = follows(ReplyTo::Topic, "*");
    config.on_failure = OnFailure::Both;
    config.topics = vec![TOPIC.to_owned(), "^any.*".to_owned()];
    let rig = Rig::start(&config);
    eventually("the look", || !rig.publisher.looked_for().is_empty()).await;
    assert_eq!(
        rig.publisher.looked_for(),
        ["doubled", "errors", TOPIC, "tests.dead-letter"]
    );
    rig.stop().await.unwrap();
}
