//! Events that a program publishes without a service.

use std::time::Duration;

use kaufmann::config::SubjectStrategy;
use kaufmann::publish::{MemoryPublisher, PublishErrorKind};
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::{Config, Event, Producer};

use crate::events::test::{Doubled, Numbered};

fn producer(places: usize) -> (Producer, MemoryPublisher) {
    let mut config = Config::default();
    config.registry.register = true;
    config.publish.max_outstanding = places;
    config.publish.source = Some("/importer".to_owned());
    let publisher = MemoryPublisher::new();
    (
        Producer::new(&config, publisher.clone(), EmbeddedRegistry::new()),
        publisher,
    )
}

fn doubled(number: i64) -> Doubled {
    Doubled {
        key: "k".into(),
        number,
    }
}

/// The numbers that arrived, in order.
fn arrived(publisher: &MemoryPublisher) -> Vec<i64> {
    let number = |payload: &[u8]| {
        kaufmann::event::Body::new(&payload[5..])
            .decode::<Doubled>()
            .unwrap()
            .number
    };
    publisher
        .messages()
        .iter()
        .map(|message| number(message.payload.as_ref().unwrap()))
        .collect()
}

#[tokio::test]
async fn an_event_has_the_topic_key_and_headers_that_a_service_would_give_it() {
    let (producer, publisher) = producer(10);
    producer.publish(&doubled(1)).await.unwrap().await.unwrap();
    let event = doubled(2);
    let changed = producer.publish_as(&event, |message| {
        message.key = Some(b"other".to_vec());
        message.headers.push("shop", Some(b"north"));
    });
    changed.await.unwrap().await.unwrap();
    let messages = publisher.messages();
    let header = |name| messages[0].headers.get(name).map(String::from_utf8_lossy);
    assert_eq!(
        (&*messages[0].topic, messages[0].key.as_deref()),
        ("doubled", Some(&b"k"[..]))
    );
    assert_eq!(header("ce_type").as_deref(), Some("test.doubled"));
    assert_eq!(header("ce_source").as_deref(), Some("/importer"));
    assert_eq!(header("ce_causationid"), None);
    assert_eq!(messages[1].key.as_deref(), Some(&b"other"[..]));
    assert_eq!(messages[1].headers.get("shop"), Some(&b"north"[..]));
}

#[tokio::test(start_paused = true)]
async fn events_beyond_the_bound_wait_and_waiting_too_long_is_an_error() {
    let (producer, publisher) = producer(2);
    let producer = producer.with_deadline(Duration::from_secs(5));
    publisher.hold();
    _ = producer.publish(&doubled(1)).await.unwrap();
    _ = producer.publish(&doubled(2)).await.unwrap();
    let error = producer.publish(&doubled(3)).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::Broker);
    assert!(
        error
            .to_string()
            .contains("was not published within 5s: 2 events were outstanding"),
        "{error}"
    );
    assert_eq!(publisher.held(), 2);

    let counts = producer.flush(Duration::from_secs(1)).await;
    assert_eq!(
        (counts.delivered, counts.outstanding, counts.undelivered()),
        (0, 2, 2)
    );
    publisher.release();
    _ = producer.publish(&doubled(4)).await.unwrap();
    let counts = producer.flush(Duration::from_secs(1)).await;
    assert_eq!((counts.delivered, counts.undelivered()), (3, 0));
    assert_eq!(arrived(&publisher), [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn events_arrive_in_the_order_in_which_they_were_published_also_past_a_full_queue() {
    let (producer, publisher) = producer(100);
    publisher.reject(7);
    let tasks = (0..20).map(|number| {
        let producer = producer.clone();
        async move { producer.publish(&doubled(number)).await.map(drop) }
    });
    // Polled in their order, all at once.
    let mut set = tokio::task::JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    while let Some(published) = set.join_next().await {
        published.unwrap().unwrap();
    }
    assert!(arrived(&publisher).iter().copied().eq(0..20));
}

#[tokio::test]
async fn undelivered_events_are_reported_and_counted() {
    let (producer, publisher) = producer(10);
    publisher.refuse(1);
    let events = [doubled(1), doubled(2), doubled(3)];
    let error = producer.publish_all(&events).await.unwrap_err();
    assert!(error.to_string().contains("set to be refused"), "{error}");
    assert_eq!(arrived(&publisher), [2, 3]);
    publisher.refuse(1);
    drop(producer.publish(&doubled(4)).await.unwrap());
    let counts = producer.counts();
    assert_eq!((counts.delivered, counts.failed, counts.outstanding), (2, 2, 0));
}

#[tokio::test]
async fn an_event_without_a_topic_is_refused_at_once() {
    let (producer, _) = producer(10);
    let numbered = Numbered {
        key: "k".into(),
        number: 1,
    };
    let error = producer.publish(&numbered).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::NoTopic);
    assert_eq!(producer.counts().undelivered(), 0);
}

#[tokio::test]
async fn events_of_one_subject_have_different_schema_ids() {
    let mut config = Config::default();
    config.registry.register = true;
    config.registry.subject = SubjectStrategy::Topic;
    config
        .publish
        .topics
        .insert("test.numbered".to_owned(), "doubled".to_owned());
    let (registry, publisher) = (EmbeddedRegistry::new(), MemoryPublisher::new());
    let producer = Producer::new(&config, publisher.clone(), registry.clone());
    let numbered = Numbered {
        key: "k".into(),
        number: 1,
    };
    // Each of them twice: the second time the id is cached.
    for _ in 0..2 {
        producer.publish(&doubled(1)).await.unwrap().await.unwrap();
        producer.publish(&numbered).await.unwrap().await.unwrap();
    }
    let (doubled, numbered) = (Doubled::INFO.schema, Numbered::INFO.schema);
    let mut carried = Vec::new();
    for message in publisher.messages() {
        let frame = message.payload.unwrap();
        let id = u32::from_be_bytes(frame[1..5].try_into().unwrap());
        carried.push(registry.schema(id).await.unwrap());
    }
    assert_eq!(carried, [doubled, numbered, doubled, numbered]);
    assert_eq!(registry.subjects(), ["doubled-value"]);
}
