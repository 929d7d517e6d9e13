//! Where replies go: to the events' own topics, to the topic that a record names, and error events to the sender.

use kaufmann::config::{OnFailure, ReplyTo};
use kaufmann::publish::{Message, Placement};
use kaufmann::registry::SchemaRegistry;
use kaufmann::source::MemoryRecord;
use kaufmann::{Context, Failure, handler, service};

use crate::events::test::{Asked, AskedRef, CallbackTopic, Doubled, EventMetadata};
use crate::rig::{Mishap, Numbered, Probe, Rig, TOPIC, config, eventually};

fn follows(reply_to: ReplyTo, allowed: &str) -> kaufmann::Config {
    let mut config = config();
    config.publish.topic = Some("errors".to_owned());
    config.publish.reply_to = reply_to;
    config.publish.callback_topics = vec![allowed.to_owned()];
    config
}

/// Handles one record that names a callback topic, and returns the published messages.
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
async fn a_reply_goes_to_the_topic_that_its_cause_names() {
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
    // Read with its schema alone, as another program would.
    let schema = kaufmann_avro::Schema::parse(&schema).unwrap();
    assert_eq!(schema.name().unwrap().to_string(), "event.error");
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_events_without_a_topic_are_refused_at_the_start() {
    let mut config = config();
    config.on_failure = OnFailure::ErrorEvent;
    let error = Rig::start(&config).end().await.unwrap_err().to_string();
    assert!(error.contains("no topic is set for `event.error`"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_topic_that_the_service_needs_is_checked_at_the_start() {
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

#[handler(event = "test.asked")]
async fn asked(event: Asked, cx: &Context<Probe>) -> Result<Option<Doubled>, Failure> {
    cx.state.handle(&event.payload, 1, cx).await
}

#[handler(event = "test.asked")]
async fn asked_by_reference(event: AskedRef<'_>, cx: &Context<Probe>) -> Result<Option<Doubled>, Failure> {
    cx.state.handle(event.payload, 1, cx).await
}

service! {
    pub(crate) struct Answers {
        state: Probe,
        handlers: [asked],
    }
}

service! {
    pub(crate) struct AnswersByReference {
        state: Probe,
        handlers: [asked_by_reference],
    }
}

/// An event that names this topic for its reply.
fn asking(topic: &str, partition: Option<i32>) -> Asked {
    let mut meta = EventMetadata::new("7".to_owned());
    meta.callback_topic = Some(CallbackTopic {
        topic: Some(topic.to_owned()),
        partition,
    });
    Asked {
        meta,
        payload: "k".to_owned(),
    }
}

/// Handles one record, and returns the topics of the published messages.
async fn answered<V: kaufmann::Service<State = Probe>>(
    config: &kaufmann::Config,
    event: Asked,
    header: Option<&str>,
    mishap: Option<Mishap>,
) -> Vec<(String, Placement)> {
    let rig = Rig::of::<V>(config);
    rig.publisher.set_partitions(3);
    rig.probe.reply();
    if let Some(mishap) = mishap {
        rig.probe.mishap("k", mishap);
    }
    let mut record = MemoryRecord::new(rig.payload(&event).await);
    if let Some(topic) = header {
        record = record.header("kaufmann-callback-topic", topic);
    }
    rig.feed.push(TOPIC, 0, record);
    rig.committed(0, 1).await;
    let messages = rig.publisher.messages();
    rig.stop().await.unwrap();
    messages
        .into_iter()
        .map(|message| (message.topic.to_string(), message.placement))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_goes_to_the_topic_in_the_events_own_meta_record() {
    let config = follows(ReplyTo::Callback, "answers.*");
    let to = |topic: &str, placement| vec![(topic.to_owned(), placement)];
    let ask = |topic, partition| answered::<Answers>(&config, asking(topic, partition), None, None);
    assert_eq!(ask("answers.ann", None).await, to("answers.ann", Placement::Key));
    assert_eq!(
        ask("answers.ann", Some(2)).await,
        to("answers.ann", Placement::Chosen(2))
    );
    for partition in [3, -1] {
        assert_eq!(
            ask("answers.ann", Some(partition)).await,
            to("answers.ann", Placement::Key),
            "a partition that is not there holds nothing up"
        );
    }
    let by_reference =
        answered::<AnswersByReference>(&config, asking("answers.ann", Some(2)), None, None).await;
    assert_eq!(by_reference, to("answers.ann", Placement::Chosen(2)));
    // Not allowed, or missing.
    assert_eq!(ask("payments", None).await, to("doubled", Placement::Key));
    let mut silent = asking("", None);
    silent.meta.callback_topic = None;
    assert_eq!(
        answered::<Answers>(&config, silent, None, None).await,
        to("doubled", Placement::Key)
    );
    // The header takes precedence.
    let both = answered::<Answers>(&config, asking("answers.ann", Some(2)), Some("answers.bob"), None);
    assert_eq!(both.await, to("answers.bob", Placement::Key));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_event_follows_the_meta_record_after_the_last_attempt_too() {
    let mut config = follows(ReplyTo::Callback, "answers.*");
    config.on_failure = OnFailure::ErrorEvent;
    config.retry.max_attempts = 2;
    let event = asking("answers.ann", None);
    let failed = answered::<Answers>(&config, event, None, Some(Mishap::FailOften(2))).await;
    assert_eq!(failed, [("answers.ann".to_owned(), Placement::Key)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_meta_record_of_another_version_is_read_with_its_writers_schema() {
    let older = r#"{"type": "record", "namespace": "test", "name": "asked", "fields": [
        {"name": "payload", "type": "string"},
        {"name": "gone", "type": "long"},
        {"name": "meta", "type": {"type": "record", "name": "event_metadata", "fields": [
            {"name": "callback_topic", "type": {"type": "record", "name": "callback_topic", "fields": [
                {"name": "partition", "type": "int"}, {"name": "topic", "type": "string"}
            ]}},
            {"name": "message_id", "type": "string"}
        ]}}
    ]}"#;
    let mut config = follows(ReplyTo::Callback, "answers.*");
    config.on_failure = OnFailure::ErrorEvent;
    config.retry.max_attempts = 2;
    let rig = Rig::of::<Answers>(&config);
    rig.probe.reply();
    let id = SchemaRegistry::register(&rig.registry, "test.asked", older)
        .await
        .unwrap();
    // The payload `k`, the long 1, the partition 1, the topic, the message's id.
    let datum = b"\x02k\x02\x02\x16answers.ann\x027";
    let payload = [&[0], &id.to_be_bytes()[..], datum].concat();
    rig.feed.push(TOPIC, 0, MemoryRecord::new(payload.clone()));
    rig.committed(0, 1).await;
    // Also if it is given up in its second attempt.
    rig.probe.mishap("k", Mishap::FailOften(2));
    rig.feed.push(TOPIC, 0, MemoryRecord::new(payload));
    rig.committed(0, 2).await;
    let messages = rig.publisher.messages();
    assert_eq!(topics(&messages), ["answers.ann", "answers.ann"]);
    assert_eq!(messages[0].placement, Placement::Chosen(1));
    assert_eq!(messages[1].placement, Placement::Chosen(1));
    rig.stop().await.unwrap();
}
