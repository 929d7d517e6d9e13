//! What handlers and observers see of records that are not simply handled.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::{EmbeddedRegistry, SchemaRegistry};
use kaufmann::source::{MemoryRecord, memory};
use kaufmann::testing::Kit;
use kaufmann::{Context, Event, Failure, Observer, Record, Runtime, Settled, handler, service};
use tokio::sync::oneshot;

use crate::events::test::{Doubled, Ignored, Numbered};
use crate::rig::{config, eventually};

type Seen = Mutex<Vec<String>>;

#[handler(event = "test.numbered")]
async fn numbered(event: Numbered, cx: &Context<Seen>) -> Result<Doubled, Failure> {
    cx.state
        .lock()
        .unwrap()
        .push(format!("numbered {}", event.number));
    match event.number {
        -1 if cx.attempt() == 1 => Err("once".into()),
        -2 => Err(Failure::new("never").dead_letter()),
        -3 => Err(Failure::new("of no matter").skip()),
        number => Ok(Doubled {
            key: event.key,
            number: 2 * number,
        }),
    }
}

#[handler(catch_all)]
async fn others(record: &Record, cx: &Context<Seen>) -> Result<(), Failure> {
    let bytes = record.payload().map_or(0, <[u8]>::len);
    let name = record.header("ce_type").unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    cx.state.lock().unwrap().push(format!("others {name} {bytes}"));
    Ok(())
}

service! {
    /// Takes everything.
    struct Everything {
        state: Seen,
        handlers: [numbered, others],
    }
}

service! {
    /// Takes numbers.
    struct NumbersOnly {
        state: Seen,
        handlers: [numbered],
    }
}

fn number(number: i64) -> Numbered {
    Numbered {
        key: "k".into(),
        number,
    }
}

#[test]
fn a_catch_all_takes_records_without_another_handler() {
    let mut kit = Kit::<Everything>::new(Seen::default());
    kit.given(number(7)).then(|_: Doubled| ());
    kit.given(Ignored { note: "n".into() }).then_handled();
    // An unknown name, with a payload that a handler would take.
    kit.given(number(8))
        .with_headers([("ce_type", "query.numbers")])
        .then_handled()
        .then_none::<Doubled>();
    let seen = kit.state().lock().unwrap().clone();
    assert_eq!(seen[0], "numbered 7");
    assert!(seen[1].starts_with("others test.ignored "), "{seen:?}");
    assert!(seen[2].starts_with("others query.numbers "), "{seen:?}");
    assert_eq!(seen.len(), 3);
}

/// Records each call.
#[derive(Clone, Default)]
struct Diary(Arc<Seen>);

impl Observer for Diary {
    fn settled(&self, record: &Record, _: Option<&str>, how: Settled<'_>) {
        let told = format!("{} {how:?}", record.offset());
        self.0.lock().unwrap().push(told);
    }

    fn retrying(&self, record: &Record, event: Option<&str>, attempt: u32, _: Duration, error: &str) {
        let told = format!(
            "{} failed {attempt} of {}: {error}",
            record.offset(),
            event.unwrap_or_default()
        );
        self.0.lock().unwrap().push(told);
    }
}

async fn framed<E: Event>(registry: &EmbeddedRegistry, event: &E) -> MemoryRecord {
    let id = registry.register(E::NAME, E::INFO.schema).await.unwrap();
    let mut payload = vec![0];
    payload.extend(id.to_be_bytes());
    event.encode(&mut payload);
    MemoryRecord::new(payload).key("k")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_gets_the_result_of_each_record() {
    let (source, feed) = memory();
    let (diary, registry) = (Diary::default(), EmbeddedRegistry::new());
    feed.assign("in", 0);
    for value in [5, -1, -2, -3] {
        feed.push("in", 0, framed(&registry, &number(value)).await);
    }
    feed.push("in", 0, framed(&registry, &Ignored { note: "n".into() }).await);
    let (stop, stopped) = oneshot::channel::<()>();
    let service = Runtime::<NumbersOnly>::builder(Seen::default())
        .config(&config())
        .source(source)
        .publisher(MemoryPublisher::new())
        .registry(registry)
        .observer(diary.clone())
        .run(async { _ = stopped.await });
    let service = tokio::spawn(service);
    eventually("all is told", || diary.0.lock().unwrap().len() >= 6).await;
    drop(stop);
    service.await.unwrap().unwrap();
    let mut told = diary.0.lock().unwrap().clone();
    // The last record does not wait for a key.
    told.sort();
    assert_eq!(
        told,
        [
            "0 Handled { published: [\"test.doubled\"] }",
            "1 Handled { published: [\"test.doubled\"] }",
            "1 failed 1 of test.numbered: once",
            "2 DeadLettered { reason: \"never\" }",
            "3 Skipped { reason: \"of no matter\" }",
            "4 Unwanted",
        ]
    );
}
