//! Records without a handler, and writers' schemas that are unions of several events.

use std::io::Write;
use std::sync::{Arc, Mutex};

use kaufmann::registry::SchemaRegistry as _;
use kaufmann::source::MemoryRecord;
use kaufmann_avro::{Schema, json};
use serde_json::{Value, json};
use tracing_subscriber::util::SubscriberInitExt;

use crate::rig::{Rig, TOPIC, config};

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Captures this thread's log until the guard is dropped; in a runtime of one thread that includes the shards.
    fn listen() -> (Self, impl Sized) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter("kaufmann=info")
            .with_ansi(false)
            .with_writer(move || writer.clone());
        (log, subscriber.set_default())
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .filter(|line| line.contains(with))
            .map(str::to_owned)
            .collect()
    }
}

const NUMBERED: &str = r#"{"type": "record", "name": "NAME", "fields": [
    {"name": "key", "type": "string"}, {"name": "number", "type": "long"}]}"#;

/// The payload of a value written with this schema.
async fn written(rig: &Rig, schema: &str, value: &Value) -> Vec<u8> {
    let parsed = Schema::parse(schema).unwrap();
    let id = rig
        .registry
        .register(&parsed.fingerprint().to_string(), schema)
        .await
        .unwrap();
    let mut payload = vec![0];
    payload.extend(id.to_be_bytes());
    json::encode_json(&parsed.model, &parsed.root, value, &mut payload).unwrap();
    payload
}

async fn numbered(rig: &Rig, name: &str, number: i64) -> MemoryRecord {
    let value = json!({"key": "k", "number": number});
    MemoryRecord::new(written(rig, &NUMBERED.replace("NAME", name), &value).await).key("k")
}

#[tokio::test]
async fn a_name_that_no_handler_takes_is_reported_once_with_the_nearest_event_and_all_are_counted() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start(&config());
    for number in 0..20 {
        rig.feed
            .push(TOPIC, 0, numbered(&rig, "com.acme.v2.numbered", number).await);
        let other = numbered(&rig, "test.numbered", number).await;
        rig.feed
            .push(TOPIC, 0, other.header("ce_type", "com.acme.numbered.v1"));
        rig.feed.push(TOPIC, 0, numbered(&rig, "shop.paid", number).await);
        rig.feed.push(TOPIC, 0, MemoryRecord::tombstone().key("k"));
        rig.send(0, "k", number).await;
    }
    rig.committed(0, 100).await;
    assert_eq!(rig.probe.log().done["k"].len(), 20);
    let finished = rig.stop().await.unwrap();
    assert_eq!((finished.settled, finished.unwanted), (100, 80));

    let lines = log.lines("no handler takes");
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let line = |part: &str| {
        lines
            .iter()
            .find(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {lines:#?}"))
    };
    let schema = line("name=\"com.acme.v2.numbered\"");
    assert!(
        schema.contains(" INFO ") && schema.contains("topic=\"in\"") && schema.contains("schema=\"id "),
        "{schema}"
    );
    assert!(
        schema.contains("`test.numbered` has the same name in another namespace"),
        "{schema}"
    );
    assert!(
        schema.contains(r#"\"aliases\": [\"com.acme.v2.numbered\"]"#),
        "{schema}"
    );
    let header = line("ce_type=\"com.acme.numbered.v1\"");
    assert!(
        header.contains("`test.numbered` is part of this name"),
        "{header}"
    );
    assert!(line("name=\"shop.paid\"").contains("list a handler of this event"));
    line("tombstones");
    assert_eq!(log.lines("stopped").len(), 1);
    assert!(
        log.lines("stopped")[0].contains("unwanted=80"),
        "{:?}",
        log.lines("stopped")
    );
}

#[tokio::test]
async fn many_unknown_names_neither_flood_the_log_nor_stop_the_service() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start(&config());
    for number in 0..300 {
        let record = numbered(&rig, "test.numbered", number).await;
        rig.feed
            .push(TOPIC, 0, record.header("ce_type", format!("a.b{number}")));
    }
    rig.committed(0, 300).await;
    assert_eq!(rig.stop().await.unwrap().unwanted, 300);
    assert_eq!(log.lines("no handler takes the records").len(), 100);
    assert_eq!(log.lines("further names are not listed").len(), 1);
}

#[tokio::test]
async fn a_union_at_the_top_is_handled_by_the_branch_that_the_datum_has() {
    let (log, _guard) = Log::listen();
    let rig = Rig::start(&config());
    let other = r#"{"type": "record", "name": "test.other", "fields": [{"name": "n", "type": "int"}]}"#;
    let union = format!(
        r#"[{other}, {}, "null"]"#,
        NUMBERED.replace("NAME", "test.numbered")
    );
    let number = |number: i64| json!({"test.numbered": {"key": "k", "number": number}});
    let mut offsets = 0;
    let mut push = |record: MemoryRecord| {
        rig.feed.push(TOPIC, 0, record.key("k"));
        offsets += 1;
    };
    for value in [number(1), json!({"test.other": {"n": 7}}), Value::Null, number(2)] {
        push(MemoryRecord::new(written(&rig, &union, &value).await));
    }
    // The header may still name the event.
    let said = MemoryRecord::new(written(&rig, &union, &number(3)).await);
    push(said.header("ce_type", "test.numbered"));
    // An invalid branch, and no branch at all.
    let whole = written(&rig, &union, &Value::Null).await;
    push(MemoryRecord::new([&whole[..5], &[0x10]].concat()));
    push(MemoryRecord::new(whole[..5].to_vec()));
    rig.committed(0, offsets).await;
    assert_eq!(rig.probe.log().done["k"], [1, 2, 3]);
    let letters = rig.publisher.messages();
    assert_eq!(letters.len(), 2);
    for letter in &letters {
        let error = String::from_utf8_lossy(letter.headers.get("kaufmann-error").unwrap()).into_owned();
        assert!(error.contains("is a union"), "{error}");
    }
    let finished = rig.stop().await.unwrap();
    assert_eq!((finished.settled, finished.unwanted), (7, 2));
    assert_eq!(
        log.lines("name=\"test.other\"").len(),
        1,
        "{:?}",
        log.lines("handler")
    );
}

#[tokio::test]
async fn a_union_of_older_versions_is_resolved_by_its_branch() {
    let rig = Rig::start(&config());
    // Its fields are in another order, and one is narrower.
    let old = r#"{"type": "record", "name": "test.numbered", "fields": [
        {"name": "number", "type": "int"}, {"name": "gone", "type": "string"}, {"name": "key", "type": "string"}]}"#;
    let union = format!(r#"["string", {old}]"#);
    let value = json!({"test.numbered": {"key": "k", "number": 5, "gone": "x"}});
    rig.feed.push(
        TOPIC,
        0,
        MemoryRecord::new(written(&rig, &union, &value).await).key("k"),
    );
    rig.committed(0, 1).await;
    assert_eq!(rig.probe.log().done["k"], [5]);
    rig.stop().await.unwrap();
}
