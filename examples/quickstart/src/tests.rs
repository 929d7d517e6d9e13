//! The whole service, between a source and a publisher in memory.

use kaufmann::event::Body;
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::{MemoryRecord, memory};
use kaufmann::{Config, Event, Observer, Outgoing, Record, Runtime, Settled};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::Shop;
use crate::events::{customer, shop};
use crate::ledger::Ledger;

/// Tells of each record that is settled.
struct Told(UnboundedSender<()>);

impl Observer for Told {
    fn settled(&self, _: &Record, _: Option<&str>, _: Settled<'_>) {
        self.0.send(()).ok();
    }
}

/// An event as a producer writes it: a zero, the schema's id, and the Avro datum.
fn record<E: Event>(registry: &EmbeddedRegistry, event: &E) -> MemoryRecord {
    let id = registry.add(E::INFO.full_name, E::INFO.schema).unwrap();
    let Outgoing { datum, key, .. } = Outgoing::new(event);
    MemoryRecord::new([&[0], &id.to_be_bytes()[..], &datum].concat()).key(key.unwrap_or_default())
}

fn order(order_id: &str, customer: &str, amount_cents: i64, sequence: i64) -> shop::OrderPlaced {
    shop::OrderPlaced {
        order_id: order_id.into(),
        customer: customer.into(),
        amount_cents,
        sequence,
    }
}

#[tokio::test]
async fn each_order_is_confirmed_with_its_customers_total_and_everything_is_committed() {
    let registry = EmbeddedRegistry::new();
    let registered = customer::Registered {
        customer: "ada".into(),
        email: "ada@example.org".into(),
        sequence: 0,
    };
    let (source, feed) = memory();
    feed.assign("shop", 0);
    feed.push("shop", 0, record(&registry, &registered));
    feed.push("shop", 0, record(&registry, &order("o-1", "ada", 1_000, 1)));
    feed.push("shop", 0, record(&registry, &order("o-2", "grace", 70, 1)));
    feed.push("shop", 0, record(&registry, &order("o-3", "ada", 250, 2)));

    let mut config = Config::default();
    config.registry.register = true;
    let publisher = MemoryPublisher::new();
    let (told, mut settled) = unbounded_channel();
    let finished = Runtime::<Shop>::builder(Ledger::default())
        .config(&config)
        .source(source)
        .publisher(publisher.clone())
        .registry(registry)
        .observer(Told(told))
        .run(async move {
            for _ in 0..4 {
                settled.recv().await;
            }
        })
        .await
        .unwrap();

    assert!(finished.drained);
    assert_eq!(feed.committed("shop", 0), Some(4));
    let confirmed = |message: &kaufmann::publish::Message| {
        let payload = message.payload.as_deref().unwrap();
        let reply: shop::OrderConfirmed = Body::new(&payload[5..]).decode().unwrap();
        (reply.order_id, reply.total_cents)
    };
    // Customers do not wait for each other, so only the order of each one's own replies is certain.
    let of_ada: Vec<_> = publisher
        .messages()
        .iter()
        .filter(|message| message.key.as_deref() == Some(b"ada"))
        .map(confirmed)
        .collect();
    assert_eq!(of_ada, [("o-1".to_owned(), 1_000), ("o-3".to_owned(), 1_250)]);
    assert_eq!(publisher.messages().len(), 3);
    assert!(
        publisher
            .messages()
            .iter()
            .all(|message| &*message.topic == "confirmations")
    );
}
