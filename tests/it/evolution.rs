//! Records written with another schema.

use std::sync::{Arc, Mutex};

use kaufmann::publish::{MemoryPublisher, Message};
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{MemoryFeed, MemoryRecord, memory};
use kaufmann::types::TimestampMicros;
use kaufmann::{Context, Error, Event, Failure, Finished, Runtime, handler, service};
use kaufmann_avro::{Schema, json};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::events::test::{Line, Numbered, Order, OrderRef, Status};
use crate::rig::{TOPIC, config, eventually};

/// An old version of the order: reordered, with other names, narrower numbers, a coarser time, a removed symbol
/// and a removed field.
const OLD: &str = r#"{"type": "record", "namespace": "test", "name": "order", "fields": [
    {"name": "gone", "type": {"type": "map", "values": ["null", {"type": "array", "items": "string"}]}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "position", "fields": [
        {"name": "sku", "type": "bytes"}, {"name": "count", "type": "int"}]}}},
    {"name": "status", "type": {"type": "enum", "name": "status", "symbols": ["open", "refunded", "paid"]}},
    {"name": "amount", "type": "int"},
    {"name": "id", "type": "string"}]}"#;

/// What the handlers saw.
type Seen = Arc<Mutex<Vec<Order>>>;

#[handler(event = "test.order")]
async fn order(event: OrderRef<'_>, cx: &Context<Seen>) -> Result<(), Failure> {
    let mut seen = cx.state.lock().unwrap();
    seen.push(event.to_owned());
    if event.id == "retried" && cx.attempt() == 1 {
        return Err("told to fail".into());
    }
    Ok(())
}

#[handler(event = "test.numbered")]
async fn numbered(event: Numbered, cx: &Context<Seen>) -> Result<(), Failure> {
    let mut seen = cx.state.lock().unwrap();
    seen.push(Order::new(
        event.key,
        event.number,
        Status::Open,
        Vec::new(),
        TimestampMicros(0),
    ));
    Ok(())
}

service! {
    /// Takes events of several versions.
    struct Orders {
        state: Seen,
        handlers: [order, numbered],
    }
}

struct Rig {
    seen: Seen,
    feed: MemoryFeed,
    publisher: MemoryPublisher,
    registry: EmbeddedRegistry,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Finished, Error>>,
}

impl Rig {
    fn start() -> Self {
        let (source, feed) = memory();
        let (seen, publisher, registry) = (Seen::default(), MemoryPublisher::new(), EmbeddedRegistry::new());
        let (stop, stopped) = oneshot::channel();
        let service = Runtime::<Orders>::builder(Arc::clone(&seen))
            .config(&config())
            .source(source)
            .publisher(publisher.clone())
            .registry(registry.clone())
            .run(async { _ = stopped.await });
        feed.assign(TOPIC, 0);
        Self {
            seen,
            feed,
            publisher,
            registry,
            stop,
            running: tokio::spawn(service),
        }
    }

    /// Sends a value written with `schema`; returns the schema's id.
    async fn send(&self, schema: &str, value: &Value) -> u32 {
        let written = Schema::parse(schema).unwrap();
        let id = self
            .registry
            .register(&written.fingerprint().to_string(), schema)
            .await
            .unwrap();
        let mut payload = vec![0];
        payload.extend(id.to_be_bytes());
        json::encode_json(&written.model, &written.root, value, &mut payload).unwrap();
        self.feed.push(TOPIC, 0, MemoryRecord::new(payload).key("k"));
        id
    }

    /// Waits until this many records are settled; returns what the handlers saw and the reasons of the dead letters.
    async fn end(self, records: i64) -> (Vec<Order>, Vec<String>) {
        let what = format!("{records} records to be settled");
        eventually(&what, || self.feed.committed(TOPIC, 0) == Some(records)).await;
        let letters = self.publisher.messages();
        let reason = |letter: &Message| {
            let reason = letter.headers.get("kaufmann-error").unwrap_or_default();
            String::from_utf8_lossy(reason).into_owned()
        };
        let reasons = letters.iter().map(reason).collect();
        _ = self.stop.send(());
        self.running.await.unwrap().unwrap();
        let seen = self.seen.lock().unwrap().clone();
        (seen, reasons)
    }
}

fn old(id: &str, status: &str) -> Value {
    json!({
        "gone": {"a": ["b", "c"], "d": null}, "at": "2001-09-09T01:46:40.123Z",
        "lines": [{"sku": "x", "count": 2}, {"sku": "", "count": -1}], "status": status, "amount": 1999, "id": id,
    })
}

fn new(id: &str, status: Status) -> Order {
    let line = |count: f64, sku: &str| Line {
        count,
        sku: sku.to_owned(),
    };
    Order {
        id: id.to_owned(),
        total: 1999,
        status,
        lines: vec![line(2.0, "x"), line(-1.0, "")],
        at: TimestampMicros(1_000_000_000_123_000),
        note: "none".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_writers_record_is_handled() {
    let rig = Rig::start();
    rig.send(OLD, &old("first", "open")).await;
    rig.send(OLD, &old("second", "refunded")).await;
    rig.send(Order::INFO.schema, &json!({
        "id": "third", "total": 1999, "status": "paid",
        "lines": [{"sku": "x", "count": 2.0}, {"sku": "", "count": -1.0}], "at": "2001-09-09T01:46:40.123Z",
    }))
    .await;
    let (seen, letters) = rig.end(3).await;
    assert!(letters.is_empty(), "{letters:?}");
    let expected = [
        new("first", Status::Open),
        new("second", Status::Unknown),
        new("third", Status::Paid),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_with_names_that_avro_does_not_allow_is_read_by_aliases() {
    let rig = Rig::start();
    let names = [
        (
            "\"namespace\": \"test\", \"name\": \"order\"",
            "\"name\": \"order-svc.eu-1.old-order\"",
        ),
        ("\"name\": \"id\"", "\"name\": \"order-id\""),
        ("\"name\": \"position\"", "\"name\": \"test.position\""),
    ];
    let schema = names
        .iter()
        .fold(OLD.to_owned(), |text, (name, other)| text.replace(name, other));
    let mut value = old("first", "open");
    let id = value.as_object_mut().unwrap().remove("id").unwrap();
    value["order-id"] = id;
    rig.send(&schema, &value).await;
    let (seen, letters) = rig.end(1).await;
    assert!(letters.is_empty(), "{letters:?}");
    assert_eq!(seen, [new("first", Status::Open)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_writers_record_is_retried() {
    let rig = Rig::start();
    rig.send(OLD, &old("retried", "paid")).await;
    rig.send(OLD, &old("retried", "paid")).await;
    let (seen, letters) = rig.end(2).await;
    assert!(letters.is_empty(), "{letters:?}");
    assert_eq!(seen, vec![new("retried", Status::Paid); 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incompatible_writers_record_is_dead_lettered_with_the_id_the_field_and_the_types() {
    let rig = Rig::start();
    let schema = r#"{"type": "record", "namespace": "test", "name": "numbered", "fields": [
        {"name": "number", "type": "string"}]}"#;
    let id = rig.send(schema, &json!({"number": "one"})).await;
    rig.send(schema, &json!({"number": "two"})).await;
    rig.send(Numbered::INFO.schema, &json!({"key": "k", "number": 3}))
        .await;
    let (seen, letters) = rig.end(3).await;
    assert_eq!(seen.iter().map(|order| order.total).collect::<Vec<_>>(), [3]);
    assert_eq!(letters.len(), 2);
    for letter in &letters {
        assert!(
            letter.starts_with(&format!(
                "the writer's schema (id {id}) cannot be read as `test.numbered` ("
            )),
            "{letter}"
        );
        assert!(
            letter.ends_with(
                "at `number`: the writer's `string` cannot be read as `long`; at `key`: the writer's \
                 `test.numbered` has no such field, and the reader's `string` has no default"
            ),
            "{letter}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_the_reader_does_not_have_is_dead_lettered_with_the_reason() {
    let rig = Rig::start();
    let schema = r#"{"type": "record", "namespace": "test", "name": "numbered", "fields": [
        {"name": "key", "type": "string"}, {"name": "number", "type": ["null", "int"]}]}"#;
    rig.send(schema, &json!({"key": "k", "number": 1})).await;
    rig.send(schema, &json!({"key": "k", "number": null})).await;
    rig.send(schema, &json!({"key": "k", "number": 2})).await;
    let (seen, letters) = rig.end(3).await;
    assert_eq!(seen.iter().map(|order| order.total).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        letters,
        [
            "the payload is no `test.numbered`: a value of the writer's schema has no counterpart in the reader's at \
          byte 2: at `number`: the writer's `null` cannot be read as `long`"
        ]
    );
}
