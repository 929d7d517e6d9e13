use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::cli::snapshot::is_snapshot;
use crate::config::OnFailure;
use crate::handler::check::POISON;
use crate::handler::event::EventInfo;
use crate::handler::limits::Limits;
use crate::{Context, HandlerEntry, Outcome};

static PLACED: EventInfo = EventInfo {
    name: "shop.order_placed",
    full_name: "shop.order_placed",
    schema: r#"{"type":"record","name":"order_placed","namespace":"shop","doc":"An order.","key":"customer","fields":[
        {"name":"customer","type":"string"},{"name":"cents","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#,
    key: Some("customer"),
    samples: &[r#"{"customer":"ada","cents":"12.50"}"#],
    ..POISON
};

static CONFIRMED: EventInfo = EventInfo {
    name: "shop.order_confirmed",
    full_name: "shop.order_confirmed",
    schema: r#"{"type":"record","name":"order_confirmed","namespace":"shop","fields":[]}"#,
    topic: Some("confirmations"),
    ..POISON
};

/// A handler of each kind.
struct Shop;

impl Service for Shop {
    type State = ();
    const NAME: &'static str = "Shop";
    const ABOUT: &'static str = " Keeps the orders.\n\n They are many.";
    const VERSION: &'static str = "7.1.2";
    const HANDLERS: &'static [HandlerEntry] = &[
        HandlerEntry {
            path: "orders::placed",
            event: Some(&PLACED),
            tombstone: false,
            returns: &[&CONFIRMED],
            emits: &[],
            limits: Limits::OPEN,
        },
        HandlerEntry {
            path: "orders::count",
            event: Some(&CONFIRMED),
            tombstone: false,
            returns: &[],
            emits: &[],
            limits: Limits {
                batch: Some(100),
                ..Limits::OPEN
            },
        },
        HandlerEntry {
            path: "others",
            event: None,
            tombstone: false,
            returns: &[],
            emits: &[&PLACED],
            limits: Limits::OPEN,
        },
    ];

    async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
        Outcome::done()
    }
}

/// Two topics, a pattern, declarations, both ways of a failure.
fn config() -> Config {
    let mut config = Config::default();
    config
        .brokers
        .extend(["kafka-1:9092".to_owned(), "kafka-2:9092".to_owned()]);
    config.group.push_str("ledger");
    config
        .topics
        .extend(["shop".to_owned(), "^legacy\\..*".to_owned()]);
    config
        .registry
        .url
        .push("http://user:secret@registry:8081".to_owned());
    config.on_failure = OnFailure::Both;
    config.publish.topic = Some("events".to_owned());
    config
        .kafka
        .extend([("security.protocol".to_owned(), "SASL_SSL".to_owned())]);
    let declared = [
        ("partitions", "12"),
        ("replication", "3"),
        ("retention", "7d"),
        ("cleanup", "compact,delete"),
    ];
    let declared = declared.map(|(name, value)| (name.to_owned(), value.to_owned()));
    config.declare.insert("shop".to_owned(), declared.into());
    config.retry.topics.delays = vec![Duration::from_secs(60), Duration::from_secs(3_600)];
    config
}

/// Every reference in it.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn a_document_has_this_shape() {
    let document = document::document::<Shop>(&config());
    is_snapshot(
        "asyncapi/snapshots/asyncapi.json",
        &serde_json::to_string_pretty(&document).unwrap(),
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document::document::<Shop>(&config());
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 8, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn a_retry_topic_is_a_channel_with_a_send_and_a_receive_operation() {
    let document = document::document::<Shop>(&config());
    for topic in ["ledger.retry.1m", "ledger.retry.1h"] {
        let channel = &document["channels"][topic];
        assert_eq!(channel["address"], topic);
        assert_eq!(
            channel["bindings"]["kafka"]["partitions"], 12,
            "as it is declared"
        );
        for (operation, action) in [("send", "send"), ("receive", "receive")] {
            let operation = &document["operations"][format!("retry-record.{operation}.{topic}")];
            assert_eq!(operation["action"], action);
            assert_eq!(operation["channel"]["$ref"], format!("#/channels/{topic}"));
        }
    }
    let required = &document["components"]["messages"]["retry-record"]["headers"]["required"];
    assert_eq!(
        *required,
        serde_json::json!(["kaufmann-error-class", "kaufmann-retry-due"])
    );
    let without = document::document::<Shop>(&Config::default()).to_string();
    assert!(!without.contains("retry-record"), "{without}");
}

#[test]
fn the_document_has_no_secrets() {
    let text = document::document::<Shop>(&config()).to_string();
    assert!(
        text.contains("registry:8081") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn an_event_is_read_from_the_topic_that_its_schema_names_if_that_is_consumed_and_from_all_otherwise() {
    let mut config = config();
    config.topics.push("confirmations".to_owned());
    let receives = routes::receives(&config, Shop::HANDLERS);
    let topics = |path: &str| {
        let of = receives.iter().filter(|receive| receive.handler.path == path);
        of.map(|receive| receive.topic).collect::<Vec<_>>()
    };
    assert_eq!(topics("orders::count"), ["confirmations"]);
    assert_eq!(topics("others").len(), 3);
}

#[test]
fn a_service_that_is_not_configured_has_a_document_too() {
    let document = document::document::<Shop>(&Config::default());
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document.get("servers"), None);
}
