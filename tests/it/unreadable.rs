//! Records with an unreadable writer's schema: which answers of a registry are final, and for how long.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use kaufmann::Config;
use kaufmann::registry::{Answer, EmbeddedRegistry, RegistryError, RegistryErrorKind, SchemaRegistry};
use kaufmann::source::MemoryRecord;

use crate::rig::{Rig, TOPIC, config, eventually};

/// The registry's answer for an id.
#[derive(Clone)]
enum Says {
    Error(RegistryErrorKind),
    Text(&'static str),
    /// Its answer for other ids.
    Truth,
}

/// A registry that gives the test's answer for all ids.
#[derive(Clone)]
struct Scripted {
    inside: EmbeddedRegistry,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }
}

impl SchemaRegistry for Scripted {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        self.asked.fetch_add(1, SeqCst);
        match self.says.lock().unwrap().clone() {
            Says::Truth => self.inside.schema(id),
            Says::Text(text) => Box::pin(async move { Ok(text.to_owned()) }),
            Says::Error(kind) => Box::pin(async move { Err(RegistryError::new(kind, "told to say so")) }),
        }
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

fn start(config: &Config, says: Says) -> (Rig, Scripted) {
    let registry = EmbeddedRegistry::new();
    let scripted = Scripted {
        inside: registry.clone(),
        says: Arc::new(Mutex::new(says)),
        asked: Arc::default(),
    };
    let rig = Rig::with_registry(config, registry, scripted.clone());
    rig.feed.assign(TOPIC, 0);
    (rig, scripted)
}

fn reasons(rig: &Rig) -> Vec<String> {
    let reason = |letter: &kaufmann::publish::Message| {
        let reason = letter.headers.get("kaufmann-error").unwrap_or_default();
        String::from_utf8_lossy(reason).into_owned()
    };
    rig.publisher.messages().iter().map(reason).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_answer_makes_dead_letters_with_one_look_up_for_all_records_of_the_id() {
    for (says, why) in [
        (
            Says::Error(RegistryErrorKind::Refused),
            "cannot be read: told to say so",
        ),
        (Says::Text("message A {}"), "is not an Avro schema"),
        (Says::Text(""), "is not an Avro schema"),
    ] {
        let (rig, registry) = start(&config(), says);
        for number in 0..100 {
            rig.send(0, &format!("k{}", number % 7), number).await;
        }
        rig.committed(0, 100).await;
        let reasons = reasons(&rig);
        assert_eq!(reasons.len(), 100);
        assert!(
            reasons
                .iter()
                .all(|reason| reason.starts_with("the writer's schema (id ") && reason.contains(why)),
            "{reasons:?}"
        );
        assert_eq!(registry.asked.load(SeqCst), 1);
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_id_is_looked_up_six_times_and_not_again_for_each_record() {
    let (rig, registry) = start(&config(), Says::Error(RegistryErrorKind::Unknown));
    // One lane, so that a look-up ends before the next record comes.
    for number in 0..50 {
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 50).await;
    assert_eq!(reasons(&rig).len(), 50);
    assert_eq!(registry.asked.load(SeqCst), 6);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transient_answer_never_becomes_final() {
    for kind in [RegistryErrorKind::Unavailable, RegistryErrorKind::Unauthorized] {
        let (rig, registry) = start(&config(), Says::Error(kind));
        rig.send(0, "k", 1).await;
        eventually("many look-ups", || registry.asked.load(SeqCst) > 20).await;
        // After an outage the count of such answers begins anew.
        registry.say(Says::Error(RegistryErrorKind::Unknown));
        let before = registry.asked.load(SeqCst);
        eventually("a look-up that finds nothing", || {
            registry.asked.load(SeqCst) > before + 1
        })
        .await;
        registry.say(Says::Truth);
        rig.committed(0, 1).await;
        assert_eq!(
            (rig.probe.log().done["k"].clone(), reasons(&rig).len()),
            (vec![1], 0)
        );
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_was_wrong_is_believed_again_without_a_restart() {
    let mut config = config();
    config.registry.recheck = Duration::from_millis(1);
    for says in [
        Says::Error(RegistryErrorKind::Refused),
        Says::Error(RegistryErrorKind::Unknown),
        Says::Text("<html>"),
    ] {
        let (rig, registry) = start(&config, says);
        rig.send(0, "k", 0).await;
        rig.committed(0, 1).await;
        assert_eq!(reasons(&rig).len(), 1);
        registry.say(Says::Truth);
        // The first of these may come before the next look-up.
        for number in 1..1000 {
            rig.send(0, "k", number).await;
            rig.committed(0, number + 1).await;
            if rig.probe.log().done.contains_key("k") {
                break;
            }
        }
        assert!(rig.probe.log().done.contains_key("k"), "{:?}", reasons(&rig));
        rig.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_framings_are_named_at_once_and_without_look_ups() {
    let (rig, registry) = start(&config(), Says::Truth);
    let eight = [&[0, 0, 0, 0, 0, 0, 0, 0, 7][..], b"datum"].concat();
    let (eight, bare) = (MemoryRecord::new(eight), MemoryRecord::new([0x1e, 1, 2]));
    rig.feed.push(TOPIC, 0, eight.key("k"));
    rig.feed.push(
        TOPIC,
        0,
        bare.key("k")
            .header("apicurio.value.globalId", [0, 0, 0, 0, 0, 0, 0, 7]),
    );
    rig.feed
        .push(TOPIC, 0, MemoryRecord::new(*b"{\"a\": 1}").key("k"));
    rig.feed
        .push(TOPIC, 0, MemoryRecord::new([0, 0, 0, 0, 0, 1]).key("k"));
    rig.committed(0, 4).await;
    let reasons = reasons(&rig);
    for (reason, what) in reasons.iter().zip([
        "an id of 8 bytes (7), as Apicurio's serdes write it",
        "Apicurio's header `apicurio.value.globalId`",
        "the payload is JSON",
        "the schema id 0, which no registry assigns",
    ]) {
        assert!(reason.contains(what), "{reason}");
    }
    assert_eq!(registry.asked.load(SeqCst), 0);
    rig.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handlers_huge_error_is_bounded_in_its_dead_letter() {
    let (rig, _) = start(&config(), Says::Truth);
    rig.probe.mishap("k", crate::rig::Mishap::Huge);
    rig.send(0, "k", 0).await;
    rig.committed(0, 1).await;
    let reasons = reasons(&rig);
    assert!(
        reasons[0].len() < 5000 && reasons[0].contains("more bytes") && !reasons[0].contains('\u{1b}'),
        "{} bytes: {:.100}",
        reasons[0].len(),
        reasons[0]
    );
    rig.stop().await.unwrap();
}
