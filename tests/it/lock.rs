//! A service whose schemas cannot read a version that the lock guarantees.

use kaufmann::__private::POISON;
use kaufmann::event::{EventLock, LockedVersion};
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::memory;
use kaufmann::{
    Context, Error, ErrorKind, Event, EventInfo, Finished, HandlerEntry, Limits, Outcome, Runtime, Service,
};

use crate::events::test::Order;
use crate::rig::config;

/// An event as the generator would make it, if the build had accepted it.
const fn locked(lock: &'static EventLock) -> EventInfo {
    EventInfo {
        name: Order::INFO.name,
        full_name: Order::INFO.full_name,
        schema: Order::INFO.schema,
        defined_at: "schemas/order.avsc:2:3",
        lock: Some(lock),
        ..POISON
    }
}

const VERSIONS: &[LockedVersion] = &[LockedVersion {
    number: 3,
    id: 17,
    schema: r#"{"type": "record", "namespace": "test", "name": "order", "fields": [{"name": "id", "type": "boolean"}]}"#,
}];

const fn lock(compatibility: &'static str) -> EventLock {
    EventLock {
        subject: "orders-value",
        compatibility,
        versions: VERSIONS,
    }
}

macro_rules! services {
    ($($name:ident: $level:literal,)*) => {
        $(
            struct $name;

            impl Service for $name {
                type State = ();
                const NAME: &'static str = stringify!($name);
                const HANDLERS: &'static [HandlerEntry] = &[HandlerEntry {
                    path: "order",
                    event: Some(&const { locked(&const { lock($level) }) }),
                    tombstone: false,
                    returns: &[],
                    emits: &[],
                    limits: Limits::OPEN,
                }];

                async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
                    Outcome::done()
                }
            }
        )*
    };
}

services! {
    Backward: "BACKWARD",
    Forward: "FORWARD",
    Anything: "NONE",
}

/// Runs a service with an immediate stop.
async fn run<V: Service<State = ()>>() -> Result<Finished, Error> {
    let (source, feed) = memory();
    let service = Runtime::<V>::builder(())
        .config(&config())
        .source(source)
        .publisher(MemoryPublisher::new())
        .registry(EmbeddedRegistry::new());
    let finished = service.run(std::future::ready(())).await;
    drop(feed);
    finished
}

#[tokio::test]
async fn a_service_that_cannot_read_a_guaranteed_version_does_not_start() {
    let error = run::<Backward>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let text = error.to_string();
    let begin = "schemas break their compatibility level with `schemas.lock`:\n  `test.order` (schemas/order.avsc:2:3) does not \
                 read version 3 (id 17) of the subject `orders-value`: at `id`: the writer's `boolean` cannot be read as \
                 `string`; at ";
    assert!(text.starts_with(begin), "{text}");
    assert!(
        text.ends_with("\nlet the schemas read these versions again, or run `schema reset` for the events whose break is intended, and build again"),
        "{text}"
    );
}

#[tokio::test]
async fn a_service_starts_if_the_level_guarantees_nothing() {
    assert!(run::<Forward>().await.unwrap().drained);
    assert!(run::<Anything>().await.unwrap().drained);
}
