//! Tombstones: which handler takes them, how they are published, and what happens when they fail.

use std::time::Duration;

use kaufmann::publish::{MemoryPublisher, Message};
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::MemoryRecord;
use kaufmann::testing::Kit;
use kaufmann::{Config, Context, Failure, Producer, Tombstone, handler, service};

use crate::events::test::{Doubled, Numbered};
use crate::rig::{Probe, Rig, TOPIC, config, eventually};

/// Deletes a number's double.
#[handler(event = "test.doubled")]
async fn doubled(event: Doubled) -> Result<Tombstone<Doubled>, Failure> {
    Ok(Tombstone::new(event.key))
}

#[handler(event = "test.doubled", tombstone, retries = 1)]
async fn doubled_gone(gone: Tombstone<Doubled>, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.suffer(gone.key())?;
    cx.state.finish(gone.key(), 1);
    Ok(())
}

#[handler(event = "test.numbered", tombstone)]
async fn numbered_gone(gone: Tombstone<Numbered>, cx: &Context<Probe>) -> Result<(), Failure> {
    cx.state.finish(&gone.into_key(), 2);
    Ok(())
}

service! {
/// Records the event of each tombstone: 1 for doubled, 2 for numbered.
    struct Graves {
        state: Probe,
        handlers: [doubled, doubled_gone, numbered_gone],
    }
}

/// Numbers are in the consumed topic, doubled ones in their own.
fn graves() -> Config {
    let mut config = config();
    config.topics = vec![TOPIC.to_owned(), "doubled".to_owned()];
    config
        .publish
        .topics
        .insert("test.numbered".to_owned(), TOPIC.to_owned());
    config
}

fn letters(rig: &Rig) -> Vec<Message> {
    let all = rig.publisher.messages().into_iter();
    all.filter(|message| message.headers.get("kaufmann-error").is_some())
        .collect()
}

fn error(letter: &Message) -> String {
    String::from_utf8_lossy(letter.headers.get("kaufmann-error").unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_is_handled_with_its_key_by_its_name_or_its_topic() {
    let rig = Rig::of::<Graves>(&graves());
    let named = MemoryRecord::tombstone()
        .key("a")
        .header("ce_type", "test.doubled");
    rig.feed.push(TOPIC, 0, named);
    rig.feed.push(TOPIC, 0, MemoryRecord::tombstone().key("b"));
    rig.committed(0, 2).await;
    let done = rig.probe.log().done;
    assert_eq!((&done["a"][..], &done["b"][..]), (&[1][..], &[2][..]));
    assert!(rig.publisher.messages().is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_returned_tombstone_is_published_without_a_payload_in_its_events_topic() {
    let rig = Rig::of::<Graves>(&graves());
    let event = Doubled {
        key: "k".into(),
        number: 1,
    };
    let payload = rig.payload(&event).await;
    rig.feed.push(TOPIC, 0, MemoryRecord::new(payload));
    rig.committed(0, 1).await;
    let messages = rig.publisher.messages();
    assert_eq!(messages.len(), 1);
    let Message {
        topic,
        key,
        payload,
        headers,
        ..
    } = &messages[0];
    assert_eq!(
        (&**topic, key.as_deref(), payload),
        ("doubled", Some(&b"k"[..]), &None)
    );
    assert_eq!(headers.get("ce_type"), Some(&b"test.doubled"[..]));
    assert!(headers.get("ce_id").is_some());
    rig.stop().await.unwrap();
}

#[tokio::test]
async fn a_producer_publishes_tombstones() {
    let mut config = Config::default();
    config.registry.register = true;
    let publisher = MemoryPublisher::new();
    let producer = Producer::new(&config, publisher.clone(), EmbeddedRegistry::new());
    let delivery = producer.publish(&Tombstone::<Doubled>::new("k")).await.unwrap();
    delivery.await.unwrap();
    let messages = publisher.messages();
    assert_eq!((&*messages[0].topic, &messages[0].payload), ("doubled", &None));
    assert_eq!(messages[0].key.as_deref(), Some(&b"k"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_that_fails_is_a_dead_letter_without_a_payload() {
    let rig = Rig::of::<Graves>(&graves());
    rig.probe.set_broken(true);
    let named = || MemoryRecord::tombstone().header("ce_type", "test.doubled");
    rig.feed.push(TOPIC, 0, named().key("a"));
    rig.feed.push(TOPIC, 0, named().key(vec![0, 0, 0, 0, 1, 2, b'a']));
    rig.feed.push(TOPIC, 0, named());
    rig.committed(0, 3).await;
    let letters = letters(&rig);
    let mut errors: Vec<_> = letters.iter().map(error).collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            "a tombstone of `test.doubled` has no key that says what to delete",
            "connection refused",
            "the key of a tombstone of `test.doubled` is not a value of its field `key`: \\x00\\x00\\x00\\x00\\x01\\x02a",
        ]
    );
    for letter in &letters {
        assert_eq!(letter.payload, None);
        assert_eq!(letter.headers.get("kaufmann-payload-cut"), None);
        assert_eq!(
            letter.headers.get("kaufmann-error-event"),
            Some(&b"test.doubled"[..])
        );
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_in_a_retry_topic_is_routed_by_its_original_topic() {
    const RETRIES: &str = "tests.retry.100ms";
    let mut config = graves();
    config.retry.topics.delays = vec![Duration::from_millis(100)];
    let rig = Rig::of::<Graves>(&config);
    rig.feed.assign("doubled", 0);
    rig.feed.assign(RETRIES, 0);
    rig.probe.set_broken(true);
    rig.feed.push("doubled", 0, MemoryRecord::tombstone().key("k"));
    let delayed = || {
        rig.publisher
            .messages()
            .into_iter()
            .find(|message| &*message.topic == RETRIES)
    };
    eventually("the tombstone to wait", || delayed().is_some()).await;
    let delayed = delayed().unwrap();
    assert_eq!(delayed.payload, None);
    rig.probe.set_broken(false);
    let mut record = MemoryRecord::tombstone().key(delayed.key.unwrap());
    for (name, value) in &delayed.headers {
        record = record.header(name, value.unwrap());
    }
    rig.feed.push(RETRIES, 0, record);
    eventually("the tombstone to be handled", || {
        rig.probe.log().done.get("k").map(Vec::as_slice) == Some(&[1])
    })
    .await;
    assert!(letters(&rig).iter().all(|letter| &*letter.topic == RETRIES));
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_of_two_possible_events_is_a_dead_letter_that_names_both() {
    let mut config = graves();
    config
        .publish
        .topics
        .insert("test.doubled".to_owned(), TOPIC.to_owned());
    let rig = Rig::of::<Graves>(&config);
    rig.feed.push(TOPIC, 0, MemoryRecord::tombstone().key("k"));
    rig.committed(0, 1).await;
    let letters = letters(&rig);
    assert!(
        error(&letters[0]).contains("of `test.doubled` or of `test.numbered`"),
        "{}",
        error(&letters[0])
    );
    assert!(rig.probe.log().done.is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_tombstones_have_no_known_topic_does_not_start() {
    let mut config = graves();
    config.publish.topics.clear();
    let error = Rig::of::<Graves>(&config).end().await.unwrap_err();
    assert!(
        error.to_string().contains("`publish.topics.\"test.numbered\"`"),
        "{error}"
    );
}

#[test]
fn the_kit_gives_tombstones_and_finds_those_that_are_published() {
    let mut kit = Kit::<Graves>::with_config(&graves(), Probe::default());
    kit.given_tombstone(Tombstone::<Doubled>::new("a"))
        .given_tombstone(Tombstone::<Numbered>::new("b"))
        .then_handled()
        .then_nothing_else();
    kit.then_state(async |probe| {
        assert_eq!(probe.log().done["a"], [1]);
        assert_eq!(probe.log().done["b"], [2]);
    });
    kit.given(Doubled {
        key: "c".into(),
        number: 1,
    })
    .then_none::<Doubled>()
    .then_tombstone::<Doubled>(|key| assert_eq!(key, "c"))
    .then_nothing_else();
}
