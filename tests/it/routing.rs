//! Which handler takes a record, and what happens to a record that no handler can take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaufmann::registry::{Answer, EmbeddedRegistry, RegistryError, RegistryErrorKind, SchemaRegistry};
use kaufmann::source::MemoryRecord;

use crate::rig::{Numbered, Rig, TOPIC, config, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_without_a_handler_is_settled_unread() {
    let rig = Rig::start(&config());
    let mut payload = rig.ignored().await;
    payload.truncate(5); // What is left could not be decoded.
    rig.feed.push(TOPIC, 0, MemoryRecord::new(payload).key("k"));
    rig.send(0, "k", 0).await;
    rig.committed(0, 2).await;
    assert!(rig.publisher.messages().is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_is_settled() {
    let rig = Rig::start(&config());
    rig.feed.push(TOPIC, 0, MemoryRecord::tombstone().key("k"));
    rig.committed(0, 1).await;
    assert!(rig.publisher.messages().is_empty());
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_decoded_is_dead_lettered_and_later_ones_are_handled() {
    let rig = Rig::start(&config());
    let whole = rig
        .payload(&Numbered {
            key: "k".into(),
            number: 1,
        })
        .await;
    let mut trailing = whole.clone();
    trailing.push(0);
    let broken: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0, 0],
        b"{\"json\": 1}".to_vec(),
        whole[..6].to_vec(),
        trailing,
    ];
    for payload in &broken {
        rig.feed.push(
            TOPIC,
            0,
            MemoryRecord::new(payload.clone()).key("k").header("trace", "t1"),
        );
    }
    rig.send(0, "k", 2).await;
    rig.committed(0, broken.len() as i64 + 1).await;
    assert_eq!(rig.probe.log().done["k"], [2]);
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), broken.len());
    for (letter, payload) in letters.iter().zip(&broken) {
        assert_eq!(letter.payload.as_ref(), Some(payload));
        assert_eq!(letter.headers.get("trace"), Some(&b"t1"[..]));
        assert_eq!(
            letter.headers.get("kaufmann-error-class"),
            Some(&b"undecodable"[..])
        );
    }
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_with_an_unknown_id_is_dead_lettered() {
    let rig = Rig::start(&config());
    rig.feed
        .push(TOPIC, 0, MemoryRecord::new([0, 0, 0, 3, 231, 2]).key("k"));
    rig.send(0, "other", 0).await;
    rig.committed(0, 2).await;
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 1);
    let error = String::from_utf8_lossy(letters[0].headers.get("kaufmann-error").unwrap()).into_owned();
    assert!(
        error.contains("id 999") && error.contains("not in the registry"),
        "{error}"
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_may_carry_the_schema_id() {
    let rig = Rig::start(&config());
    let payload = rig
        .payload(&Numbered {
            key: "k".into(),
            number: 3,
        })
        .await;
    let record = MemoryRecord::new(&payload[5..])
        .key("k")
        .header("__value_schema_id", &payload[..5]);
    rig.feed.push(TOPIC, 0, record);
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().done["k"], [3]);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_header_ce_type_names_the_event() {
    let rig = Rig::start(&config());
    let payload = rig
        .payload(&Numbered {
            key: "k".into(),
            number: 3,
        })
        .await;
    for name in ["test.numbered", "test.unheard_of"] {
        rig.feed.push(
            TOPIC,
            0,
            MemoryRecord::new(payload.clone())
                .key("k")
                .header("ce_type", name),
        );
    }
    rig.committed(0, 2).await;
    assert_eq!(
        rig.probe.log().done["k"],
        [3],
        "the second one is an event that nobody handles"
    );
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_registry_loses_nothing_and_it_is_asked_once_afterwards() {
    let registry = EmbeddedRegistry::new();
    let flaky = Flaky {
        inside: registry.clone(),
        failures: Arc::new(AtomicUsize::new(4)),
        asked: Arc::default(),
    };
    let (failures, asked) = (Arc::clone(&flaky.failures), Arc::clone(&flaky.asked));
    let rig = Rig::with_registry(&config(), registry, flaky);
    rig.feed.assign(TOPIC, 0);
    for number in 0..300 {
        rig.send(0, &format!("k{}", number % 30), number).await;
    }
    rig.committed(0, 300).await;
    assert!(rig.publisher.messages().is_empty(), "no letters");
    assert_eq!(failures.load(Ordering::SeqCst), 0);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        5,
        "each failure once, and the success once"
    );
    let done = rig.probe.log().done;
    assert!(done.values().all(|numbers| numbers.is_sorted()), "{done:?}");
    rig.send(0, "late", 0).await;
    eventually("one more", || rig.probe.log().done.contains_key("late")).await;
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    rig.stop().await.unwrap();
}

/// A registry that answers its first look-ups by id with an error.
struct Flaky {
    inside: EmbeddedRegistry,
    failures: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl SchemaRegistry for Flaky {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if fails {
            return Box::pin(async {
                Err(RegistryError::new(
                    RegistryErrorKind::Unavailable,
                    "told to be away",
                ))
            });
        }
        self.inside.schema(id)
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        self.inside.schema_by_guid(guid)
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        self.inside.lookup(subject, schema)
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        self.inside.register(subject, schema)
    }
}
